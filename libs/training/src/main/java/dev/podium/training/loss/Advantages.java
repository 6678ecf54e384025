package dev.podium.training.loss;

/**
 * What PPO computes from finished rollouts: KL penalty, rewards per token, generalised advantages, whitening. No
 * gradient flows here and the recursion is sequential in time, so these are plain loops over ragged rows in float64: row
 * i holds the real completion tokens of rollout i only, and padding cannot leak into any mean.
 *
 * @param advantages A, [rollout][token], not whitened
 * @param returns R = A + V, [rollout][token]
 */
public record Advantages(double[][] advantages, double[][] returns) {

    /** Estimators of KL(pi || ref) from a sample of pi. Schulman 2020, Approximating KL divergence. */
    public enum Kl {
        /** logp - ref: unbiased, may be negative. */
        K1 {
            @Override
            public double of(double logProbability, double reference) {
                return logProbability - reference;
            }
        },
        /** e^x - 1 - x with x = ref - logp clamped to +-20: unbiased, never negative. */
        K3 {
            @Override
            public double of(double logProbability, double reference) {
                double x = Math.clamp(reference - logProbability, -20.0, 20.0);
                return Math.expm1(x) - x;
            }
        };

        /** The estimate at one token. */
        public abstract double of(double logProbability, double reference);
    }

    /**
     * Rewards per token: -coefficient kl_t, plus the rollout's score at its last real token.
     *
     * @param kl per token, [rollout][token]
     * @param scores of the reward model, penalties included, [rollout]
     * @param coefficient kl_coef
     */
    public static double[][] rewards(double[][] kl, double[] scores, double coefficient) {
        double[][] rewards = new double[kl.length][];
        for (int i = 0; i < kl.length; i++) {
            rewards[i] = new double[kl[i].length];
            for (int t = 0; t < kl[i].length; t++) {
                rewards[i][t] = -coefficient * kl[i][t];
            }
            rewards[i][kl[i].length - 1] += scores[i];
        }
        return rewards;
    }

    /**
     * Generalised advantage estimation. Schulman et al. 2016, eq. 16:
     *
     * <pre>  d_t = R_t + gamma V_{t+1} - V_t;   A_t = d_t + gamma lambda A_{t+1}</pre>
     *
     * with V and A zero after the last token.
     *
     * @param rewards [rollout][token]
     * @param values V of the token's state, [rollout][token]
     */
    public static Advantages generalised(double[][] rewards, double[][] values, double gamma, double lambda) {
        double[][] advantages = new double[rewards.length][];
        double[][] returns = new double[rewards.length][];
        for (int i = 0; i < rewards.length; i++) {
            int length = rewards[i].length;
            advantages[i] = new double[length];
            returns[i] = new double[length];
            double nextValue = 0;
            double nextAdvantage = 0;
            for (int t = length - 1; t >= 0; t--) {
                double d = rewards[i][t] + gamma * nextValue - values[i][t];
                nextAdvantage = d + gamma * lambda * nextAdvantage;
                nextValue = values[i][t];
                advantages[i][t] = nextAdvantage;
                returns[i][t] = nextAdvantage + values[i][t];
            }
        }
        return new Advantages(advantages, returns);
    }

    /** (A - mean) / sqrt(unbiased variance + 1e-8) over all tokens of the whole batch; a lone token gives zero. */
    public double[][] whitened() {
        int n = 0;
        double sum = 0;
        for (double[] row : advantages) {
            for (double a : row) {
                sum += a;
                n++;
            }
        }
        double mean = n == 0 ? 0 : sum / n;
        double squares = 0;
        for (double[] row : advantages) {
            for (double a : row) {
                squares += (a - mean) * (a - mean);
            }
        }
        double scale = 1 / Math.sqrt((n > 1 ? squares / (n - 1) : 0) + 1e-8);
        double[][] whitened = new double[advantages.length][];
        for (int i = 0; i < advantages.length; i++) {
            whitened[i] = new double[advantages[i].length];
            for (int t = 0; t < advantages[i].length; t++) {
                whitened[i][t] = (advantages[i][t] - mean) * scale;
            }
        }
        return whitened;
    }

    /**
     * Advantages of the completions of one prompt relative to each other, for K completions in a row per prompt:
     * A_i = (s_i - mean) / (deviation + 1e-4), the deviation unbiased. Shao et al. 2024, DeepSeekMath (GRPO), section
     * 4.1; without the division Liu et al. 2025, Dr. GRPO.
     *
     * @param scores penalties included, [rollouts]
     * @param group K, 2 or more
     * @param divide by the group's deviation
     */
    public static double[] groupRelative(double[] scores, int group, boolean divide) {
        double[] advantages = new double[scores.length];
        for (int first = 0; first < scores.length; first += group) {
            double mean = mean(scores, first, group);
            double squares = 0;
            for (int i = first; i < first + group; i++) {
                squares += (scores[i] - mean) * (scores[i] - mean);
            }
            double scale = divide ? 1 / (Math.sqrt(squares / (group - 1)) + 1e-4) : 1;
            for (int i = first; i < first + group; i++) {
                advantages[i] = (scores[i] - mean) * scale;
            }
        }
        return advantages;
    }

    /**
     * A_i = s_i - mean of the group's other scores, for K completions in a row per prompt. Kool et al. 2019; Ahmadian et
     * al. 2024, Back to Basics (RLOO), eq. 8.
     *
     * @param scores penalties and KL included, [rollouts]
     * @param group K, 2 or more
     */
    public static double[] leaveOneOut(double[] scores, int group) {
        double[] advantages = new double[scores.length];
        for (int first = 0; first < scores.length; first += group) {
            double mean = mean(scores, first, group);
            for (int i = first; i < first + group; i++) {
                // s - (sum - s) / (K - 1) = K / (K - 1) (s - mean)
                advantages[i] = (scores[i] - mean) * group / (group - 1);
            }
        }
        return advantages;
    }

    private static double mean(double[] scores, int first, int group) {
        if (group < 2 || first + group > scores.length) {
            throw new IllegalArgumentException(
                    scores.length + " completions are no whole number of groups of " + group + ", 2 or more");
        }
        double sum = 0;
        for (int i = first; i < first + group; i++) {
            sum += scores[i];
        }
        return sum / group;
    }
}
