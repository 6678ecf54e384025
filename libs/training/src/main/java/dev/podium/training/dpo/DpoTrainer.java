package dev.podium.training.dpo;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
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
import dev.podium.training.loop.NonFiniteGuard;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.loss.PairLogProbabilities;
import dev.podium.training.loss.PreferenceLoss;
import dev.podium.training.loss.Reduction;
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
 * Direct preference optimisation. All pairs of a task are one element of a batch: each output goes through the model once,
 * not once per pair. The reference's log-probabilities are computed once, before the first step, with the adapter as it
 * was at the start of the round; so the first loss of {@code sigmoid} is log 2.
 */
public final class DpoTrainer implements Trainer {

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        RoundConfig.Dpo config = (RoundConfig.Dpo) context.command().config();
        RoundConfig.Training training = config.training();
        PreferenceLoss lossFunction = PreferenceLoss.of(config.loss())
                .orElseThrow(() -> new IllegalStateException("RoundConfig lets pass a loss that is not built"));
        PromptTokenizer tokenizer = new PromptTokenizer(context.base(), training.maxLengthTokens());
        TokenizedTasks train = tokenizer.tokenize(context.data().train());
        TokenizedTasks heldOut = tokenizer.tokenize(context.data().heldOut());
        RoundStart.requirePairs(train);
        CausalLM model = context.model();
        int maxTokens = MicroBatches.tokens(model.config());

        try (LoraAdapter adapter = RoundStart.policyAdapter(context, config.lora(), config.seed());
                AdamW optimizer = new AdamW(model, adapter.parameters())) {
            // Before any checkpoint is loaded the adapter is as at the start of the round: the reference.
            Map<String, float[]> reference = new HashMap<>();
            reference.putAll(logProbabilities(context, adapter, train.tasks()));
            reference.putAll(logProbabilities(context, adapter, heldOut.tasks()));

            StepPlan plan =
                    StepPlan.ofEpochs(train.tasks().size(), training.batchTasks(), training.epochs(), config.seed());
            Checkpoints checkpoints = new Checkpoints(context.workDir());
            LossCurve curve = new LossCurve();
            int start = checkpoints.resume(adapter.parameters(), List.of(optimizer), curve);
            RoundStart.report(
                    context, adapter.parameters(), RoundStart.info(context, train, heldOut), start, plan.totalSteps());
            StepReporter reporter = new StepReporter(context.reporter(), start, plan.totalSteps(), System::nanoTime);
            NonFiniteGuard guard = new NonFiniteGuard();
            long tokens = 0;

            for (int step = start; step < plan.totalSteps(); step++) {
                context.checkCancelled(step);
                List<TaskTokens> batch = RoundStart.take(train.tasks(), plan.indexes(step));
                double batchWeight = PairBatch.weight(batch);
                PairStatistics statistics = new PairStatistics(config.beta());
                double loss = 0;
                for (List<TaskTokens> part : MicroBatches.ofTasks(batch, maxTokens)) {
                    try (TensorScope scope = new TensorScope();
                            GradientMode gradients = GradientMode.on()) {
                        PairBatch pairs = PairBatch.of(model, part);
                        PairLogProbabilities logProbabilities = pairs(model, adapter, pairs, reference);
                        NDArray partLoss = Reduction.weightedMean(
                                lossFunction.perPair(logProbabilities, config.beta(), config.labelSmoothing()),
                                pairs.weights(),
                                batchWeight);
                        GradientMode.backward(partLoss);
                        loss += partLoss.getFloat();
                        statistics.add(logProbabilities);
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
                    checkpoints.save(step + 1, adapter.parameters(), List.of(optimizer), curve);
                    context.reporter().checkpointed(step + 1);
                }
            }

            Map<String, Double> metrics = new LinkedHashMap<>();
            metrics.put("steps", (double) plan.totalSteps());
            metrics.put("train_pairs", (double) train.pairs());
            metrics.put("loss_first", curve.first());
            metrics.put("loss_last", curve.last());
            metrics.put("skipped_steps", (double) guard.skipped());
            metrics.putAll(evaluate(context, adapter, heldOut, reference, lossFunction, config));
            return new RoundResult(
                    Optional.of(RoundStart.write(context, adapter, Optional.empty())),
                    StepReporter.finite(metrics),
                    Optional.of(TokenizedTasks.ids(train, heldOut)));
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

    /** One pass of the model over the outputs, then the pairs' view of it. */
    static PairLogProbabilities pairs(
            CausalLM model, LoraAdapter adapter, PairBatch pairs, Map<String, float[]> reference) {
        NDManager arrays = model.runtime().root();
        NDArray perOutput = pairs.outputs().logProbabilities(model, Optional.of(adapter));
        NDArray referencePerOutput = arrays.create(perOutput(pairs.tasks(), reference));
        NDArray lengths = pairs.lengths(arrays);
        return new PairLogProbabilities(
                PairBatch.pick(model, perOutput, pairs.chosen()),
                PairBatch.pick(model, perOutput, pairs.rejected()),
                PairBatch.pick(model, referencePerOutput, pairs.chosen()),
                PairBatch.pick(model, referencePerOutput, pairs.rejected()),
                PairBatch.pick(model, lengths, pairs.chosen()),
                PairBatch.pick(model, lengths, pairs.rejected()));
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
            PreferenceLoss lossFunction,
            RoundConfig.Dpo config) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("heldout_pairs", (double) heldOut.pairs());
        if (heldOut.tasks().isEmpty()) {
            return metrics;
        }
        CausalLM model = context.model();
        PairStatistics statistics = new PairStatistics(config.beta());
        double weight = PairBatch.weight(heldOut.tasks());
        double loss = 0;
        for (List<TaskTokens> part : MicroBatches.ofTasks(heldOut.tasks(), MicroBatches.tokens(model.config()))) {
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.off()) {
                PairBatch pairs = PairBatch.of(model, part);
                PairLogProbabilities logProbabilities = pairs(model, adapter, pairs, reference);
                statistics.add(logProbabilities);
                loss += Reduction.weightedMean(
                                lossFunction.perPair(logProbabilities, config.beta(), config.labelSmoothing()),
                                pairs.weights(),
                                weight)
                        .getFloat();
            }
        }
        Map<String, Double> all = statistics.metrics();
        metrics.put("heldout_accuracy", all.getOrDefault("rewards/accuracies", 0.0));
        metrics.put("heldout_margin", all.getOrDefault("rewards/margins", 0.0));
        metrics.put("heldout_loss", loss);
        return metrics;
    }
}
