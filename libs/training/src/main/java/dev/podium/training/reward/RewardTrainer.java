package dev.podium.training.reward;

import ai.djl.ndarray.NDArray;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.Seeds;
import dev.podium.training.batch.StepPlan;
import dev.podium.training.batch.TaskTokens;
import dev.podium.training.batch.TokenizedTasks;
import dev.podium.training.checkpoint.Checkpoints;
import dev.podium.training.loop.LearningRate;
import dev.podium.training.loop.LossCurve;
import dev.podium.training.loop.NonFiniteGuard;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.loss.Reduction;
import dev.podium.training.loss.RewardLoss;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import dev.podium.training.round.Trainer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Trains a reward model by Bradley-Terry. All pairs of a task are one element of a batch, as in InstructGPT: each output
 * goes through the model once, and its reward is in all of its pairs.
 */
public final class RewardTrainer implements Trainer {
    private static final long HEAD_STREAM = 102;

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        RoundConfig.Reward config = (RoundConfig.Reward) context.command().config();
        RoundConfig.Training training = config.training();
        PromptTokenizer tokenizer = new PromptTokenizer(context.base(), training.maxLengthTokens());
        TokenizedTasks train = tokenizer.tokenize(context.data().train());
        TokenizedTasks heldOut = tokenizer.tokenize(context.data().heldOut());
        RoundStart.requirePairs(train);
        CausalLM base = context.model();
        int maxTokens = MicroBatches.tokens(base.config());

        try (RewardModel model = start(context, config);
                AdamW optimizer = new AdamW(base, model.parameters())) {
            StepPlan plan =
                    StepPlan.ofEpochs(train.tasks().size(), training.batchTasks(), training.epochs(), config.seed());
            Checkpoints checkpoints = new Checkpoints(context.workDir());
            LossCurve curve = new LossCurve();
            int start = checkpoints.resume(model.parameters(), List.of(optimizer), curve);
            if (start == 0) {
                RewardEvaluation.of(model, heldOut.tasks())
                        .ifPresent(before -> curve.note("heldout_accuracy_before", before.accuracy()));
            }
            RoundStart.report(
                    context, model.parameters(), RoundStart.info(context, train, heldOut), start, plan.totalSteps());
            StepReporter reporter = new StepReporter(context.reporter(), start, plan.totalSteps(), System::nanoTime);
            NonFiniteGuard guard = new NonFiniteGuard();
            long tokens = 0;

            for (int step = start; step < plan.totalSteps(); step++) {
                context.checkCancelled(step);
                List<TaskTokens> batch = RoundStart.take(train.tasks(), plan.indexes(step));
                double batchWeight = PairBatch.weight(batch);
                RewardStatistics statistics = new RewardStatistics();
                double loss = 0;
                for (List<TaskTokens> part : MicroBatches.ofTasks(batch, maxTokens)) {
                    try (TensorScope scope = new TensorScope();
                            GradientMode gradients = GradientMode.on()) {
                        PairBatch pairs = PairBatch.of(base, part);
                        NDArray rewards = model.raw(pairs.outputs());
                        NDArray chosen = PairBatch.pick(base, rewards, pairs.chosen());
                        NDArray rejected = PairBatch.pick(base, rewards, pairs.rejected());
                        NDArray partLoss = Reduction.weightedMean(
                                RewardLoss.bradleyTerry(
                                        chosen,
                                        rejected,
                                        chosen.zerosLike(),
                                        config.centering(),
                                        config.labelSmoothing()),
                                pairs.weights(),
                                batchWeight);
                        GradientMode.backward(partLoss);
                        loss += partLoss.getFloat();
                        statistics.add(rewards.toFloatArray(), chosen.toFloatArray(), rejected.toFloatArray());
                        tokens += pairs.tokens();
                    }
                }
                double rate = LearningRate.at(training, step, plan.totalSteps());
                double gradientNorm = guard.step(optimizer, rate, training.maxGradientNorm(), loss, step);
                curve.add(loss);
                Map<String, Double> metrics = statistics.metrics();
                metrics.put("loss", loss);
                metrics.put("grad_norm", gradientNorm);
                metrics.put("lr", rate);
                metrics.put("epoch", plan.epoch(step + 1));
                metrics.put("num_tokens", (double) tokens);
                reporter.step(step + 1, metrics);
                if ((step + 1) % training.checkpointSteps() == 0 && step + 1 < plan.totalSteps()) {
                    checkpoints.save(step + 1, model.parameters(), List.of(optimizer), curve);
                    context.reporter().checkpointed(step + 1);
                }
            }

            Map<String, Double> metrics = new LinkedHashMap<>(curve.notes());
            metrics.put("steps", (double) plan.totalSteps());
            metrics.put("train_pairs", (double) train.pairs());
            metrics.put("heldout_pairs", (double) heldOut.pairs());
            metrics.put("loss_first", curve.first());
            metrics.put("loss_last", curve.last());
            metrics.put("skipped_steps", (double) guard.skipped());
            return finish(context, model, train, heldOut, metrics);
        }
    }

    private static RewardModel start(RoundContext context, RoundConfig.Reward config) {
        LoraAdapter adapter = RoundStart.newAdapter(context.model(), config.lora(), config.seed());
        ScalarHead head =
                ScalarHead.initialise(context.model(), new SplittableRandom(Seeds.mix(config.seed(), HEAD_STREAM)));
        head.requireGradients(true);
        return new RewardModel(context.model(), adapter, head, 1, 0);
    }

    /** Evaluates on the held-out tasks, normalises by them (by the training tasks where there are none), and writes. */
    private static RoundResult finish(
            RoundContext context,
            RewardModel model,
            TokenizedTasks train,
            TokenizedTasks heldOut,
            Map<String, Double> metrics) {
        Optional<RewardEvaluation> after = RewardEvaluation.of(model, heldOut.tasks());
        after.ifPresent(evaluation -> metrics.putAll(evaluation.metrics()));
        RewardEvaluation basis =
                after.or(() -> RewardEvaluation.of(model, train.tasks())).orElseThrow();
        double gain = 1 / Math.max(basis.rewardDeviation(), 1e-6);
        double bias = -basis.rewardMean() * gain;
        RoundResult.TrainedAdapter written = RoundStart.write(context, model.adapter(), Optional.of(model.head()));
        return new RoundResult(
                Optional.of(new RoundResult.TrainedAdapter(
                        written.folder(),
                        AdapterManifest.Kind.REWARD,
                        written.lora(),
                        Optional.of(gain),
                        Optional.of(bias))),
                StepReporter.finite(metrics),
                Optional.of(TokenizedTasks.ids(train, heldOut)));
    }
}
