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
 * @param reference of the reference policy, [rollout][token]
 * @param values V at each token's state, [rollout][token]; empty where a group takes the value model's place
 * @param valueStates the reward adapter's states that V is read from, [rollout][token * hidden]; empty likewise
 * @param advantages whitened over all tokens; of a group: one value for all tokens of a completion
 * @param returns A + V with A not whitened; empty where there is no V
 */
record Experience(
        List<Sequence> rows,
        double[] scores,
        double[][] logProbabilities,
        double[][] reference,
        double[][] values,
        float[][] valueStates,
        double[][] advantages,
        double[][] returns,
        double meanKl,
        Map<String, Double> metrics) {

    /** @param klCoefficient weight of the KL in the reward */
    static Experience of(Rollouts.Judged judged, double klCoefficient, RoundConfig.Ppo config) {
        Rollouts.Sampled sampled = judged.sampled();
        double[] scores = judged.scores();
        double[][] logProbabilities = judged.logProbabilities();
        double[][] reference = judged.reference();
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
            rewarded[i] = scores[i]
                    - config.spreadPenalty() * judged.spreads()[i]
                    - (sampled.ended()[i] ? 0 : config.missingEndPenalty());
        }
        double[][] whitened;
        double[][] returns = new double[0][];
        if (config.hasValueModel()) {
            double[][] rewards = Advantages.rewards(kl, rewarded, klCoefficient);
            Advantages advantages = Advantages.generalised(rewards, judged.values(), config.gamma(), config.lambda());
            whitened = advantages.whitened();
            returns = advantages.returns();
        } else {
            whitened = perToken(ofGroups(rewarded, kl, klCoefficient, config), kl);
        }
        double meanScore = Arrays.stream(rewarded).average().orElse(Double.NaN);
        double nonScore = -klCoefficient * klSum / n;
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("objective/kl", klSum / n);
        metrics.put("objective/entropy", surprise / n);
        metrics.put("objective/non_score_reward", nonScore);
        metrics.put("objective/rlhf_reward", nonScore + meanScore);
        metrics.put("objective/scores", meanScore);
        metrics.put("policy/entropy_avg", judged.entropySum() / tokens);
        metrics.put("val/num_eos_tokens", (double) ends);
        metrics.put("completion_tokens", (double) tokens / n);
        double spread = Arrays.stream(judged.spreads()).average().orElse(0);
        if (spread > 0) {
            metrics.put("objective/reward_spread", spread);
        }
        return new Experience(
                sampled.rows(),
                scores,
                logProbabilities,
                reference,
                judged.values(),
                judged.valueStates(),
                whitened,
                returns,
                klSum / n,
                metrics);
    }

    /** One advantage per rollout, from the rollouts of the same prompt. RLOO's rewards include the KL, GRPO's do not. */
    private static double[] ofGroups(double[] rewarded, double[][] kl, double klCoefficient, RoundConfig.Ppo config) {
        if (config.advantage().equals("rloo")) {
            double[] penalised = new double[rewarded.length];
            for (int i = 0; i < penalised.length; i++) {
                penalised[i] =
                        rewarded[i] - klCoefficient * Arrays.stream(kl[i]).sum();
            }
            return Advantages.leaveOneOut(penalised, config.samplesPerPrompt());
        }
        return Advantages.groupRelative(
                rewarded, config.samplesPerPrompt(), config.advantage().equals("grpo"));
    }

    private static double[][] perToken(double[] perRollout, double[][] shape) {
        double[][] all = new double[perRollout.length][];
        for (int i = 0; i < all.length; i++) {
            all[i] = new double[shape[i].length];
            Arrays.fill(all[i], perRollout[i]);
        }
        return all;
    }

    /** Completion tokens of all rollouts. */
    int tokens() {
        return Arrays.stream(logProbabilities).mapToInt(row -> row.length).sum();
    }
}
