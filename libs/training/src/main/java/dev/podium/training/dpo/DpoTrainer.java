package dev.podium.training.dpo;

import ai.djl.ndarray.NDArray;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.model.Adapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.StepPlan;
import dev.podium.training.batch.TaskTokens;
import dev.podium.training.batch.TokenizedTasks;
import dev.podium.training.checkpoint.Checkpoints;
import dev.podium.training.loop.LearningRate;
import dev.podium.training.loop.LossCurve;
import dev.podium.training.loop.PublishRule;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.loop.StepGuard;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.loop.Throughput;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import dev.podium.training.round.Trainer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Direct preference optimisation and its relatives. All pairs of a task are one element of a batch: each output goes through the model once,
 * not once per pair. The reference's log-probabilities are computed once, before the first step, with the adapter as it
 * was at the start of the round; so the first loss of {@code sigmoid} is log 2.
 */
public final class DpoTrainer implements Trainer {
    private static final String HELD_OUT_ACCURACY = "heldout_accuracy";
    private static final double CHANCE = 0.5;
    /** The entropy takes another product with the head: not in each step. */
    private static final int ENTROPY_EVERY = 10;

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        RoundConfig.Dpo config = (RoundConfig.Dpo) context.command().config();
        RoundConfig.Training training = config.training();
        Objective objective = Objective.of(config);
        PromptTokenizer tokenizer = new PromptTokenizer(context.base(), training.maxLengthTokens());
        TokenizedTasks train =
                tokenizer.tokenize(context.data().train(), objective::usable).map(objective::weighted);
        TokenizedTasks heldOut =
                tokenizer.tokenize(context.data().heldOut(), objective::usable).map(objective::weighted);
        RoundStart.requirePairs(train);
        requireMarks(config, train);
        CausalLM model = context.model();
        int maxTokens = MicroBatches.tokens(model.config());

        try (LoraAdapter adapter = RoundStart.policyAdapter(context, config.lora(), config.seed());
                AdamW optimizer = new AdamW(model, adapter.parameters())) {
            // Before any checkpoint is loaded the adapter is as at the start of the round: the reference.
            Map<String, float[]> reference = new HashMap<>();
            reference.putAll(logProbabilities(context, adapter, train.tasks()));
            reference.putAll(logProbabilities(context, adapter, heldOut.tasks()));
            Mismatches mismatches = config.loss().equals(RoundConfig.Dpo.UNPAIRED)
                    ? Mismatches.of(context, adapter, train.tasks(), heldOut.tasks())
                    : Mismatches.NONE;

            StepPlan plan =
                    StepPlan.ofEpochs(train.tasks().size(), training.batchTasks(), training.epochs(), config.seed());
            Checkpoints checkpoints = new Checkpoints(context.workDir());
            LossCurve curve = new LossCurve();
            int start = checkpoints.resume(adapter.parameters(), List.of(optimizer), curve);
            RoundStart.report(
                    context, adapter.parameters(), RoundStart.info(context, train, heldOut), start, plan.totalSteps());
            StepReporter reporter = new StepReporter(context.reporter(), start, plan.totalSteps(), System::nanoTime);
            Throughput throughput = new Throughput(model, adapter.parameters());
            StepGuard guard = new StepGuard(context.reporter(), training, curve);

            for (int step = start; step < plan.totalSteps(); step++) {
                context.checkCancelled(step);
                throughput.start();
                List<TaskTokens> batch = RoundStart.take(train.tasks(), plan.indexes(step));
                double batchWeight = objective.weight(batch);
                double kl = mismatches.kl(model, adapter, batch);
                PairStatistics statistics = new PairStatistics(config.beta());
                boolean tellsEntropy = step % ENTROPY_EVERY == 0;
                double loss = 0;
                for (List<TaskTokens> part : MicroBatches.ofTasks(batch, maxTokens)) {
                    try (TensorScope scope = new TensorScope();
                            GradientMode gradients = GradientMode.on()) {
                        PairBatch pairs = PairBatch.of(model, part);
                        Objective.Forward forward = forward(model, adapter, pairs, reference);
                        NDArray partLoss = objective.loss(forward, batchWeight, kl);
                        GradientMode.backward(partLoss);
                        loss += partLoss.getFloat();
                        statistics.add(forward);
                        if (tellsEntropy) {
                            statistics.addEntropies(forward.entropies());
                        }
                        curve.addTokens(pairs.tokens());
                        throughput.trained(pairs.outputs().sequences(), true);
                    }
                }
                double rate = LearningRate.at(training, step, plan.totalSteps());
                double gradientNorm = objective.canBeNegative()
                        ? guard.stepByGradient(optimizer, rate, loss, step)
                        : guard.step(optimizer, rate, loss, step);
                Map<String, Double> metrics = statistics.metrics();
                metrics.put("loss", loss);
                metrics.put("grad_norm", gradientNorm);
                metrics.put("lr", rate);
                metrics.put("epoch", plan.epoch(step + 1));
                metrics.put("num_tokens", (double) curve.tokens());
                metrics.putAll(guard.metrics());
                metrics.putAll(throughput.metrics());
                if (mismatches != Mismatches.NONE) {
                    metrics.put("kl", kl);
                }
                reporter.step(step + 1, metrics);
                if ((step + 1) % training.checkpointSteps() == 0 && step + 1 < plan.totalSteps()) {
                    checkpoints.save(step + 1, adapter.parameters(), List.of(optimizer), curve);
                    context.reporter().checkpointed(step + 1);
                }
            }

            Map<String, Double> metrics = new LinkedHashMap<>();
            metrics.put("steps", (double) plan.totalSteps());
            metrics.put("train_pairs", (double) train.pairs());
            metrics.put("loss_first", curve.first());
            metrics.put("loss_last", curve.last());
            metrics.putAll(guard.metrics());
            metrics.putAll(evaluate(context, adapter, heldOut, reference, mismatches, objective, config));
            return new RoundResult(
                    Optional.of(RoundStart.write(context, adapter, Optional.empty())),
                    StepReporter.finite(metrics),
                    Optional.of(TokenizedTasks.ids(train, heldOut)),
                    verdict(config, metrics).map(Evaluation::of));
        }
    }

    /** Sums of log-probabilities of each output by task id, without gradients. */
    private static Map<String, float[]> logProbabilities(
            RoundContext context, LoraAdapter adapter, List<TaskTokens> tasks) throws RoundCancelled {
        Map<String, float[]> result = new HashMap<>();
        CausalLM model = context.model();
        for (List<TaskTokens> part : MicroBatches.ofTasks(tasks, MicroBatches.tokens(model.config()))) {
            context.checkCancelled(0);
            result.putAll(logProbabilities(model, Optional.of(adapter), part));
        }
        return result;
    }

    /** The same in one pass; without an adapter those of the base model. */
    static Map<String, float[]> logProbabilities(
            CausalLM model, Optional<? extends Adapter> adapter, List<TaskTokens> tasks) {
        Map<String, float[]> result = new HashMap<>();
        try (TensorScope scope = new TensorScope();
                GradientMode gradients = GradientMode.off()) {
            PairBatch pairs = PairBatch.of(model, tasks);
            float[] sums = pairs.outputs().logProbabilities(model, adapter).toFloatArray();
            int row = 0;
            for (TaskTokens task : tasks) {
                int outputs = task.completions().size();
                result.put(task.taskId(), Arrays.copyOfRange(sums, row, row + outputs));
                row += outputs;
            }
        }
        return result;
    }

    /** One pass of the model over the outputs, next to the reference. */
    static Objective.Forward forward(
            CausalLM model, LoraAdapter adapter, PairBatch batch, Map<String, float[]> reference) {
        NDArray states = batch.outputs().completionStates(model, batch.outputs().states(model, Optional.of(adapter)));
        return new Objective.Forward(
                model,
                batch,
                states,
                batch.outputs()
                        .rowSums(model.logProbabilities(states, batch.outputs().targets())),
                model.runtime().root().create(perOutput(batch.tasks(), reference)));
    }

    /** Values by task as one array in order of the rows. */
    private static float[] perOutput(List<TaskTokens> tasks, Map<String, float[]> byTask) {
        int rows = tasks.stream().mapToInt(task -> task.completions().size()).sum();
        float[] all = new float[rows];
        int row = 0;
        for (TaskTokens task : tasks) {
            float[] values = Objects.requireNonNull(byTask.get(task.taskId()), task.taskId());
            System.arraycopy(values, 0, all, row, values.length);
            row += values.length;
        }
        return all;
    }

    private static Map<String, Double> evaluate(
            RoundContext context,
            LoraAdapter adapter,
            TokenizedTasks heldOut,
            Map<String, float[]> reference,
            Mismatches mismatches,
            Objective objective,
            RoundConfig.Dpo config) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("heldout_pairs", (double) heldOut.pairs());
        if (heldOut.tasks().isEmpty()) {
            return metrics;
        }
        CausalLM model = context.model();
        PairStatistics statistics = new PairStatistics(config.beta());
        double weight = objective.weight(heldOut.tasks());
        double kl = mismatches.kl(model, adapter, heldOut.tasks());
        double loss = 0;
        for (List<TaskTokens> part : MicroBatches.ofTasks(heldOut.tasks(), MicroBatches.tokens(model.config()))) {
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.off()) {
                Objective.Forward forward = forward(model, adapter, PairBatch.of(model, part), reference);
                statistics.add(forward);
                loss += objective.loss(forward, weight, kl).getFloat();
            }
        }
        Map<String, Double> all = statistics.metrics();
        if (heldOut.pairs() > 0) {
            metrics.put(HELD_OUT_ACCURACY, all.getOrDefault("rewards/accuracies", 0.0));
            metrics.put("heldout_margin", all.getOrDefault("rewards/margins", 0.0));
        }
        metrics.put("heldout_loss", loss);
        return metrics;
    }

    /** A policy that does not differ from its reference orders as many pairs rightly as wrongly. */
    private static Optional<Evaluation.Verdict> verdict(RoundConfig.Dpo config, Map<String, Double> metrics) {
        int pairs = (int) (double) metrics.getOrDefault("heldout_pairs", 0.0);
        return PublishRule.accuracy(
                        config.training(),
                        HELD_OUT_ACCURACY,
                        CHANCE,
                        metrics.getOrDefault(HELD_OUT_ACCURACY, Double.NaN),
                        pairs,
                        config.minAccuracy())
                .verdict();
    }

    /** Without a mark there is nothing that KTO could move away from. */
    private static void requireMarks(RoundConfig.Dpo config, TokenizedTasks train) throws RoundFailure {
        if (config.loss().equals(RoundConfig.Dpo.UNPAIRED)
                && !Objective.Outputs.marked(train.tasks()).contains(true)) {
            throw new RoundFailure(
                    "no_data",
                    "kto learns from outputs that labelers mark unacceptable, and there are none in "
                            + train.tasks().size()
                            + " tasks; let labelers mark them, or choose a loss that learns from rankings");
        }
    }
}
