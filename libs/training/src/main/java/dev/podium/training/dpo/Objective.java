package dev.podium.training.dpo;

import static dev.podium.llm.torch.Numbers.times;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.TaskTokens;
import dev.podium.training.loss.PairLogProbabilities;
import dev.podium.training.loss.PlackettLuce;
import dev.podium.training.loss.PreferenceLoss;
import dev.podium.training.loss.Reduction;
import dev.podium.training.loss.UnpairedLoss;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What a DPO round minimises: a loss of pairs, of whole rankings, or of single outputs. */
sealed interface Objective {
    /** The objective that a configuration names. */
    static Objective of(RoundConfig.Dpo config) {
        return switch (config.loss()) {
            case RoundConfig.Dpo.LISTWISE -> new Rankings(config.beta());
            case RoundConfig.Dpo.UNPAIRED -> new Outputs(config);
            default ->
                new Pairs(
                        PreferenceLoss.of(config.loss())
                                .orElseThrow(() ->
                                        new IllegalStateException("RoundConfig lets pass a loss that is not built")),
                        config);
        };
    }

    /** Whether there is something to learn from a task. */
    boolean usable(TaskTokens task);

    /** Whether the loss can fall below 0, so that its size says nothing of how usual a step is. */
    default boolean canBeNegative() {
        return false;
    }

    /** A task with the weights of this objective. */
    default TaskTokens weighted(TaskTokens task) {
        return task;
    }

    /** What the losses of tasks are divided by together. */
    double weight(List<TaskTokens> tasks);

    /**
     * Part of a batch's loss, with gradient.
     *
     * @param totalWeight {@link #weight} of the whole batch
     * @param kl estimate of KL(pi || pi_ref) on mismatched pairs; only {@code kto} looks at it
     */
    NDArray loss(Forward forward, double totalWeight, double kl);

    /**
     * A pass over the outputs of tasks.
     *
     * @param states that predict the completion tokens, with gradient
     * @param perOutput sums of log-probabilities, [outputs], with gradient
     * @param reference the same under the reference, [outputs]
     */
    record Forward(CausalLM model, PairBatch batch, NDArray states, NDArray perOutput, NDArray reference) {
        /** Entropy of the policy at each completion token, in nats. */
        float[] entropies() {
            try (TensorScope scope = new TensorScope();
                    GradientMode off = GradientMode.off()) {
                return model.entropies(states).toFloatArray();
            }
        }

        PairLogProbabilities pairs() {
            NDArray lengths = batch.lengths(arrays());
            return new PairLogProbabilities(
                    PairBatch.pick(model, perOutput, batch.chosen()),
                    PairBatch.pick(model, perOutput, batch.rejected()),
                    PairBatch.pick(model, reference, batch.chosen()),
                    PairBatch.pick(model, reference, batch.rejected()),
                    PairBatch.pick(model, lengths, batch.chosen()),
                    PairBatch.pick(model, lengths, batch.rejected()));
        }

        NDManager arrays() {
            return model.runtime().root();
        }
    }

    /** Pairs: DPO and its relatives. */
    record Pairs(PreferenceLoss loss, RoundConfig.Dpo config) implements Objective {
        @Override
        public boolean canBeNegative() {
            return loss == PreferenceLoss.ROBUST;
        }

        @Override
        public boolean usable(TaskTokens task) {
            return !task.pairs().isEmpty();
        }

        @Override
        public TaskTokens weighted(TaskTokens task) {
            if (!config.voteWeights()) {
                return task;
            }
            return task.withPairs(task.pairs().stream()
                    .map(pair -> new TaskTokens.Pair(
                            pair.chosen(),
                            pair.rejected(),
                            pair.weight() * Math.abs(2 * pair.probability() - 1),
                            pair.margin(),
                            pair.probability()))
                    .toList());
        }

        @Override
        public double weight(List<TaskTokens> tasks) {
            return PairBatch.weight(tasks);
        }

        @Override
        public NDArray loss(Forward forward, double totalWeight, double kl) {
            PairLogProbabilities pairs = forward.pairs();
            NDArray losses = loss.perPair(margined(pairs, forward), config.beta(), config.labelSmoothing());
            if (config.sftWeight() > 0) {
                losses = losses.sub(times(pairs.chosen().div(pairs.chosenLengths()), config.sftWeight()));
            }
            return Reduction.weightedMean(losses, forward.batch().weights(), totalWeight);
        }

        /** beta (D - g margin / beta): as if the reference had liked the chosen output that much more. */
        private PairLogProbabilities margined(PairLogProbabilities pairs, Forward forward) {
            if (config.rankGapMargin() == 0) {
                return pairs;
            }
            NDArray shift = times(forward.batch().margins(forward.arrays()), config.rankGapMargin() / config.beta());
            return new PairLogProbabilities(
                    pairs.chosen(),
                    pairs.rejected(),
                    pairs.referenceChosen().add(shift),
                    pairs.referenceRejected(),
                    pairs.chosenLengths(),
                    pairs.rejectedLengths());
        }
    }

    /** Whole rankings by Plackett-Luce, with h = beta (log pi - log pi_ref) as the score of an output. */
    record Rankings(double beta) implements Objective {
        @Override
        public boolean usable(TaskTokens task) {
            return IntStream.of(task.ranks())
                            .filter(rank -> rank > 0)
                            .distinct()
                            .count()
                    > 1;
        }

        @Override
        public double weight(List<TaskTokens> tasks) {
            return tasks.size();
        }

        @Override
        public NDArray loss(Forward forward, double totalWeight, double kl) {
            List<TaskTokens> tasks = forward.batch().tasks();
            NDArray scores = times(forward.perOutput().sub(forward.reference()), beta);
            List<int[]> ranks = tasks.stream().map(TaskTokens::ranks).toList();
            double[] weights = tasks.stream().mapToDouble(task -> 1).toArray();
            return PlackettLuce.loss(scores, ranks, weights, totalWeight);
        }
    }

    /** Single outputs by KTO: those marked unacceptable are undesirable, all others of a ranked task desirable. */
    record Outputs(RoundConfig.Dpo config) implements Objective {
        @Override
        public boolean usable(TaskTokens task) {
            return !task.completions().isEmpty();
        }

        @Override
        public double weight(List<TaskTokens> tasks) {
            return tasks.stream().mapToInt(task -> task.completions().size()).sum();
        }

        @Override
        public NDArray loss(Forward forward, double totalWeight, double kl) {
            List<Boolean> marked = marked(forward.batch().tasks());
            float desirable = config.desirableWeight().floatValue();
            float undesirable = config.undesirableWeight().floatValue();
            float[] signs = new float[marked.size()];
            float[] weights = new float[marked.size()];
            for (int i = 0; i < signs.length; i++) {
                signs[i] = marked.get(i) ? -1 : 1;
                weights[i] = marked.get(i) ? undesirable : desirable;
            }
            NDManager arrays = forward.arrays();
            NDArray losses = UnpairedLoss.kto(
                    forward.perOutput().sub(forward.reference()),
                    arrays.create(signs),
                    arrays.create(weights),
                    config.beta(),
                    kl);
            return Reduction.weightedMean(losses, losses.onesLike(), totalWeight);
        }

        /** In order of the rows, whether an output is undesirable. */
        static List<Boolean> marked(List<TaskTokens> tasks) {
            List<Boolean> marked = new ArrayList<>();
            for (TaskTokens task : tasks) {
                for (boolean each : task.unacceptable()) {
                    marked.add(each);
                }
            }
            return marked;
        }
    }
}
