package dev.podium.training.sft;

import ai.djl.ndarray.NDArray;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.Seeds;
import dev.podium.training.batch.StepPlan;
import dev.podium.training.checkpoint.Checkpoints;
import dev.podium.training.loop.LearningRate;
import dev.podium.training.loop.LossCurve;
import dev.podium.training.loop.PublishRule;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.loop.StepGuard;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.loop.Throughput;
import dev.podium.training.loop.Tuned;
import dev.podium.training.loss.TokenLoss;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import dev.podium.training.round.Trainer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Supervised fine-tuning: the completion's tokens are made more likely, by default without loss on the prompt. Trains an
 * adapter, or every weight of the model ({@code method}). Dropout, where configured, acts here only, and on adapters only.
 *
 * <p>Rows are packed without padding: as many as one pass has room for lie one after the other, each attending to itself
 * alone and counting its positions from 0. The loss is the mean over the scored tokens of the whole batch, so how rows are
 * packed changes nothing but the time.
 */
public final class SftTrainer implements Trainer {
    private static final long DROPOUT_STREAM = 105;
    /** A loss that is higher by less is not worse. */
    private static final double LOSS_NOISE = 0.02;

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        RoundConfig.Sft config = (RoundConfig.Sft) context.command().config();
        RoundConfig.Training training = config.training();
        PromptTokenizer tokenizer = new PromptTokenizer(context.base(), training.maxLengthTokens());
        SftRecords records = SftRecords.of(context, tokenizer, config);
        CausalLM model = context.model();
        int maxTokens = MicroBatches.tokens(model.config());

        try (Tuned tuned = config.isFull()
                        ? Tuned.allWeights(context)
                        : Tuned.adapter(context, config.lora(), config.seed());
                AdamW optimizer = new AdamW(model, tuned.parameters())) {
            Optional<LoraAdapter> adapter = tuned.adapter();
            adapter.ifPresent(lora -> lora.useDropout(true));
            StepPlan plan =
                    StepPlan.ofEpochs(records.train().size(), training.batchTasks(), training.epochs(), config.seed());
            Checkpoints checkpoints = new Checkpoints(context.workDir());
            LossCurve curve = new LossCurve();
            int start = checkpoints.resume(tuned.parameters(), List.of(optimizer), curve);
            if (start == 0 && !records.heldOut().isEmpty()) {
                curve.note("heldout_loss_before", heldOutLoss(model, adapter, records.heldOut(), maxTokens));
            }
            RoundStart.report(context, tuned.parameters(), records.info(), start, plan.totalSteps());
            StepReporter reporter = new StepReporter(context.reporter(), start, plan.totalSteps(), System::nanoTime);
            Throughput throughput =
                    adapter.isPresent() ? new Throughput(model, tuned.parameters()) : Throughput.ofAllWeights(model);
            StepGuard guard = new StepGuard(context.reporter(), training, curve);

            for (int step = start; step < plan.totalSteps(); step++) {
                context.checkCancelled(step);
                throughput.start();
                List<Sequence> batch = RoundStart.take(records.train(), plan.indexes(step));
                int batchTokens = scored(batch);
                double loss = 0;
                model.runtime().seed(Seeds.mix(config.seed() ^ DROPOUT_STREAM, step));
                for (List<Integer> part : MicroBatches.ofSequences(batch, maxTokens)) {
                    try (TensorScope scope = new TensorScope();
                            GradientMode gradients = GradientMode.on()) {
                        TokenBatch rows = TokenBatch.of(
                                model, part.stream().map(batch::get).toList());
                        NDArray partLoss = loss(model, adapter, rows, batchTokens);
                        GradientMode.backward(partLoss);
                        loss += partLoss.getFloat();
                        throughput.trained(rows.sequences(), true);
                    }
                }
                double rate = LearningRate.at(training, step, plan.totalSteps());
                double gradientNorm = guard.step(optimizer, rate, loss, step);
                curve.addTokens(batch.stream().mapToInt(Sequence::length).sum());
                Map<String, Double> metrics = new LinkedHashMap<>();
                metrics.put("loss", loss);
                metrics.put("grad_norm", gradientNorm);
                metrics.put("lr", rate);
                metrics.put("epoch", plan.epoch(step + 1));
                metrics.put("num_tokens", (double) curve.tokens());
                metrics.putAll(guard.metrics());
                metrics.putAll(throughput.metrics());
                reporter.step(step + 1, metrics);
                if ((step + 1) % training.checkpointSteps() == 0 && step + 1 < plan.totalSteps()) {
                    checkpoints.save(step + 1, tuned.parameters(), List.of(optimizer), curve);
                    context.reporter().checkpointed(step + 1);
                }
            }

            Map<String, Double> metrics = new LinkedHashMap<>(curve.notes());
            metrics.put("steps", (double) plan.totalSteps());
            metrics.put("loss_first", curve.first());
            metrics.put("loss_last", curve.last());
            metrics.put("heldout_records", (double) records.heldOut().size());
            metrics.putAll(guard.metrics());
            if (!records.heldOut().isEmpty()) {
                metrics.put("heldout_loss_after", heldOutLoss(model, adapter, records.heldOut(), maxTokens));
            }
            return new RoundResult(
                    Optional.of(tuned.write(context)),
                    StepReporter.finite(metrics),
                    Optional.of(records.usedTasks()),
                    verdict(training, metrics, records.heldOut().size()).map(Evaluation::of));
        }
    }

    private static Optional<Evaluation.Verdict> verdict(
            RoundConfig.Training training, Map<String, Double> metrics, int records) {
        double before = metrics.getOrDefault("heldout_loss_before", Double.NaN);
        double after = metrics.getOrDefault("heldout_loss_after", Double.NaN);
        return PublishRule.of(training, "heldout_loss_after", before, after, false, LOSS_NOISE * before, records)
                .verdict();
    }

    /**
     * Part of the mean negative log-likelihood of a batch's tokens, with gradient.
     *
     * @param adapter empty where the model itself is trained
     * @param batchTokens of the whole batch
     */
    static NDArray loss(CausalLM model, Optional<LoraAdapter> adapter, TokenBatch rows, int batchTokens) {
        NDArray logProbabilities = rows.tokenLogProbabilities(model, adapter);
        return TokenLoss.crossEntropy(logProbabilities, logProbabilities.onesLike(), batchTokens);
    }

    static int scored(List<Sequence> rows) {
        return rows.stream().mapToInt(row -> row.completion().length).sum();
    }

    /** Mean negative log-likelihood per scored token. */
    private static double heldOutLoss(
            CausalLM model, Optional<LoraAdapter> adapter, List<Sequence> rows, int maxTokens) {
        double sum = 0;
        for (List<Integer> part : MicroBatches.ofSequences(rows, maxTokens)) {
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.off()) {
                TokenBatch batch =
                        TokenBatch.of(model, part.stream().map(rows::get).toList());
                sum -= batch.tokenLogProbabilities(model, adapter).sum().getFloat();
            }
        }
        return sum / scored(rows);
    }
}
