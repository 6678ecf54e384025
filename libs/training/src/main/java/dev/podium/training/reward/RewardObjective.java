package dev.podium.training.reward;

import static dev.podium.llm.torch.Numbers.times;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.model.CausalLM;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.TaskTokens;
import dev.podium.training.loss.PlackettLuce;
import dev.podium.training.loss.Reduction;
import dev.podium.training.loss.RewardLoss;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What a REWARD round minimises: a loss of decided pairs, of pairs and ties, or of whole rankings. */
sealed interface RewardObjective {
    /**
     * The objective that a configuration names.
     *
     * @param tieShare share of ties among the compared pairs of the training tasks
     */
    static RewardObjective of(RoundConfig.Reward config, double tieShare) {
        return switch (config.loss()) {
            case "bradley_terry" -> new Pairs(config);
            case "davidson" -> new PairsAndTies(config, RewardLoss.tieStrength(tieShare));
            case "plackett_luce" -> new Rankings(config);
            default -> throw new IllegalStateException("RoundConfig lets pass a loss that is not built");
        };
    }

    /** Share of ties among the compared pairs of tasks. */
    static double tieShare(List<TaskTokens> tasks) {
        double pairs = tasks.stream().mapToInt(task -> task.pairs().size()).sum();
        double ties = tasks.stream().mapToInt(task -> task.ties().size()).sum();
        return pairs + ties == 0 ? 0 : ties / (pairs + ties);
    }

    /** What the losses of tasks are divided by together. */
    double weight(List<TaskTokens> tasks);

    /**
     * Part of a batch's loss, with gradient.
     *
     * @param rewards of the batch's outputs, [outputs]
     * @param totalWeight {@link #weight} of the whole batch
     */
    NDArray loss(CausalLM model, PairBatch batch, NDArray rewards, double totalWeight);

    /** Bradley-Terry on decided pairs. */
    record Pairs(RoundConfig.Reward config) implements RewardObjective {
        @Override
        public double weight(List<TaskTokens> tasks) {
            return PairBatch.weight(tasks);
        }

        @Override
        public NDArray loss(CausalLM model, PairBatch batch, NDArray rewards, double totalWeight) {
            NDManager arrays = model.runtime().root();
            NDArray losses = RewardLoss.bradleyTerry(
                    PairBatch.pick(model, rewards, batch.chosen()),
                    PairBatch.pick(model, rewards, batch.rejected()),
                    times(batch.margins(arrays), config.rankGapMargin()),
                    config.centering(),
                    config.labelSmoothing());
            return Reduction.weightedMean(losses, batch.weights(), totalWeight);
        }
    }

    /** Davidson on decided pairs and ties; every comparison of a task weighs the same. */
    record PairsAndTies(RoundConfig.Reward config, double tieStrength) implements RewardObjective {
        @Override
        public double weight(List<TaskTokens> tasks) {
            return tasks.size();
        }

        @Override
        public NDArray loss(CausalLM model, PairBatch batch, NDArray rewards, double totalWeight) {
            List<Long> first = new ArrayList<>();
            List<Long> second = new ArrayList<>();
            List<Float> tied = new ArrayList<>();
            List<Float> weights = new ArrayList<>();
            long row = 0;
            for (TaskTokens task : batch.tasks()) {
                float weight = 1f / (task.pairs().size() + task.ties().size());
                for (TaskTokens.Pair pair : task.pairs()) {
                    add(first, second, tied, weights, row + pair.chosen(), row + pair.rejected(), 0, weight);
                }
                for (TaskTokens.Tie tie : task.ties()) {
                    add(first, second, tied, weights, row + tie.first(), row + tie.second(), 1, weight);
                }
                row += task.completions().size();
            }
            NDManager arrays = model.runtime().root();
            NDArray difference = PairBatch.pick(model, rewards, longs(arrays, first))
                    .sub(PairBatch.pick(model, rewards, longs(arrays, second)));
            NDArray losses = RewardLoss.davidson(difference, floats(arrays, tied), tieStrength);
            return Reduction.weightedMean(losses, floats(arrays, weights), totalWeight)
                    .add(centred(batch, rewards, config, totalWeight));
        }

        private static void add(
                List<Long> first,
                List<Long> second,
                List<Float> tied,
                List<Float> weights,
                long i,
                long j,
                float tie,
                float weight) {
            first.add(i);
            second.add(j);
            tied.add(tie);
            weights.add(weight);
        }

        private static NDArray longs(NDManager arrays, List<Long> values) {
            return arrays.create(values.stream().mapToLong(Long::longValue).toArray());
        }

        private static NDArray floats(NDManager arrays, List<Float> values) {
            float[] array = new float[values.size()];
            for (int i = 0; i < array.length; i++) {
                array[i] = values.get(i);
            }
            return arrays.create(array);
        }
    }

    /** Plackett-Luce on whole rankings, ties summed over their orders. */
    record Rankings(RoundConfig.Reward config) implements RewardObjective {
        @Override
        public double weight(List<TaskTokens> tasks) {
            return tasks.size();
        }

        @Override
        public NDArray loss(CausalLM model, PairBatch batch, NDArray rewards, double totalWeight) {
            List<int[]> ranks = batch.tasks().stream().map(TaskTokens::ranks).toList();
            double[] weights = batch.tasks().stream().mapToDouble(task -> 1).toArray();
            return PlackettLuce.loss(rewards, ranks, weights, totalWeight)
                    .add(centred(batch, rewards, config, totalWeight));
        }
    }

    /** k times the mean of (2 r)^2: what centring of a pair is where both rewards are the same. */
    private static NDArray centred(PairBatch batch, NDArray rewards, RoundConfig.Reward config, double totalWeight) {
        float[] weights = new float[batch.outputs().rows()];
        int row = 0;
        for (TaskTokens task : batch.tasks()) {
            int n = task.completions().size();
            for (int i : IntStream.range(row, row + n).toArray()) {
                weights[i] = (float) (4 * config.centering() / n / totalWeight);
            }
            row += n;
        }
        NDManager arrays = rewards.getManager();
        return rewards.square().mul(arrays.create(weights)).sum();
    }
}
