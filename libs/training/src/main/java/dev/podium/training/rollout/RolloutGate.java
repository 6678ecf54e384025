package dev.podium.training.rollout;

import dev.podium.llm.generate.Completion;
import dev.podium.llm.model.Adapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.round.RoundFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Lets completions of another server in only when that server runs the same model: their log-probabilities are computed
 * again here, and must agree with what the server said. A server with another adapter, a stale one, other weights or
 * another chat template of token ids is off by far more than rounding is.
 */
public final class RolloutGate {
    /**
     * Mean absolute difference per token, nats. bfloat16 servers differ from a float32 pass by about 0.01 (measured by
     * the makers of such trainers as 0.01 to 0.03); another adapter by 0.1 and more.
     */
    public static final double DEFAULT_LIMIT = 0.06;

    private static final int MOST_ROWS = 32;

    private final CausalLM model;
    private final double limit;

    /** @param limit of the mean absolute difference per token, nats */
    public RolloutGate(CausalLM model, double limit) {
        this.model = model;
        this.limit = limit;
    }

    /**
     * Compares some of the completions.
     *
     * @param prompts token ids
     * @param completions per prompt
     * @return the mean absolute difference per token, nats
     * @throws RoundFailure {@code rollout_mismatch} above the limit, or where the server says no log-probabilities
     */
    public double check(List<int[]> prompts, List<List<Completion>> completions, Optional<? extends Adapter> adapter)
            throws RoundFailure {
        List<Sequence> rows = new ArrayList<>();
        List<Completion> compared = new ArrayList<>();
        // The first of each prompt, then the second: as many prompts as can be.
        for (int s = 0; rows.size() < MOST_ROWS && s < completions.getFirst().size(); s++) {
            for (int p = 0; p < prompts.size() && rows.size() < MOST_ROWS; p++) {
                Completion completion = completions.get(p).get(s);
                if (completion.tokenIds().length > 0) {
                    rows.add(new Sequence(prompts.get(p), completion.tokenIds()));
                    compared.add(completion);
                }
            }
        }
        double sum = 0;
        int count = 0;
        for (List<Integer> part : MicroBatches.ofSequences(rows, MicroBatches.tokens(model.config()))) {
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.off()) {
                TokenBatch batch =
                        TokenBatch.of(model, part.stream().map(rows::get).toList());
                float[] ours = batch.tokenLogProbabilities(model, adapter).toFloatArray();
                int at = 0;
                for (int index : part) {
                    for (float theirs : compared.get(index).logProbabilities()) {
                        if (!Float.isNaN(theirs)) {
                            sum += Math.abs(theirs - ours[at]);
                            count++;
                        }
                        at++;
                    }
                }
            }
        }
        if (count == 0) {
            throw new RoundFailure(
                    "rollout_mismatch",
                    "the rollout server says no log-probabilities, so nobody knows what it runs; take one that"
                            + " answers logprobs");
        }
        double difference = sum / count;
        if (!(difference <= limit)) {
            throw new RoundFailure(
                    "rollout_mismatch",
                    String.format(
                            Locale.ROOT,
                            "the rollout server's log-probabilities differ from this model's by %.3f nats per token on"
                                    + " average, the limit is %.3f: it serves another adapter or other weights. Load the"
                                    + " adapter there, or raise podium.rollouts.limit if its format is coarser",
                            difference,
                            limit));
        }
        return difference;
    }
}
