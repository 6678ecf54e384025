package dev.podium.training.ppo;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.training.loss.Advantages;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A batch of rollouts and what was computed of them; fixed while the policy is optimised on it. Rows are ragged: each
 * holds its completion's real tokens only.
 *
 * @param scores normalised reward of each rollout, without penalties
 * @param logProbabilities of the policy that sampled, at the sampling temperature, [rollout][token]
 * @param values V at each token's state, [rollout][token]
 * @param valueStates the reward adapter's states that V is read from, [rollout][token * hidden]
 * @param advantages whitened over all tokens
 * @param returns A + V with A not whitened
 */
record Experience(
        List<Sequence> rows,
        double[] scores,
        double[][] logProbabilities,
        double[][] values,
        float[][] valueStates,
        double[][] advantages,
        double[][] returns,
        double meanKl,
        Map<String, Double> metrics) {

    static Experience of(
            Rollouts.Sampled sampled,
            double[] scores,
            double[][] logProbabilities,
            double[][] reference,
            double[][] values,
            float[][] valueStates,
            double entropySum,
            RoundConfig.Ppo config) {
        int n = scores.length;
        double[][] kl = new double[n][];
        double[] rewarded = new double[n];
        double klSum = 0;
        double surprise = 0;
        int tokens = 0;
        int ends = 0;
        for (int i = 0; i < n; i++) {
            kl[i] = new double[logProbabilities[i].length];
            for (int t = 0; t < kl[i].length; t++) {
                kl[i][t] = Advantages.Kl.K1.of(logProbabilities[i][t], reference[i][t]);
                klSum += kl[i][t];
                surprise -= logProbabilities[i][t];
            }
            tokens += kl[i].length;
            ends += sampled.ended()[i] ? 1 : 0;
            rewarded[i] = scores[i] - (sampled.ended()[i] ? 0 : config.missingEndPenalty());
        }
        double[][] rewards = Advantages.rewards(kl, rewarded, config.klCoefficient());
        Advantages advantages = Advantages.generalised(rewards, values, config.gamma(), config.lambda());
        double meanScore = Arrays.stream(rewarded).average().orElse(Double.NaN);
        double nonScore = -config.klCoefficient() * klSum / n;
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("objective/kl", klSum / n);
        metrics.put("objective/entropy", surprise / n);
        metrics.put("objective/non_score_reward", nonScore);
        metrics.put("objective/rlhf_reward", nonScore + meanScore);
        metrics.put("objective/scores", meanScore);
        metrics.put("policy/entropy_avg", entropySum / tokens);
        metrics.put("val/num_eos_tokens", (double) ends);
        metrics.put("completion_tokens", (double) tokens / n);
        return new Experience(
                sampled.rows(),
                scores,
                logProbabilities,
                values,
                valueStates,
                advantages.whitened(),
                advantages.returns(),
                klSum / n,
                metrics);
    }

    /** Completion tokens of all rollouts. */
    int tokens() {
        return Arrays.stream(logProbabilities).mapToInt(row -> row.length).sum();
    }
}
