package dev.podium.training.ppo;

import static dev.podium.llm.torch.Numbers.times;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.model.CausalLM;
import dev.podium.training.loss.PolicyLoss;
import java.util.Arrays;

/**
 * The policy's loss: PPO's per token; GRPO's, the same with the KL inside; RLOO's, whose action is a whole completion
 * with one ratio and one advantage.
 */
record PolicyObjective(CausalLM base, RoundConfig.Ppo config) {
    /**
     * The part of some rollouts, with gradient.
     *
     * @param members which rollouts of the experience
     * @param logp log-probabilities of their tokens, in order, [tokens]
     * @param klCoefficient weight of the KL in GRPO's loss; the others have it in the reward
     * @param tokens of all rollouts of the update
     * @param rollouts of the update
     * @return a scalar
     */
    NDArray loss(Experience experience, int[] members, NDArray logp, double klCoefficient, int tokens, int rollouts) {
        NDArray old = flat(experience.logProbabilities(), members);
        if (config.advantage().equals("rloo")) {
            NDArray rows = rowsOfTokens(experience, members);
            NDArray ratio = PolicyLoss.ratio(sums(rows, logp), sums(rows, old));
            float[] advantages = new float[members.length];
            for (int i = 0; i < members.length; i++) {
                advantages[i] = (float) experience.advantages()[members[i]][0];
            }
            return PolicyLoss.clippedPolicy(
                    ratio, arrays().create(advantages), ratio.onesLike(), config.clip(), rollouts);
        }
        NDArray mask = logp.onesLike();
        NDArray advantages = flat(experience.advantages(), members);
        NDArray ratio = PolicyLoss.ratio(logp, old);
        NDArray loss = PolicyLoss.clippedPolicy(ratio, advantages, mask, config.clip(), tokens);
        if (config.hasValueModel() || klCoefficient == 0) {
            return loss;
        }
        NDArray reference = flat(experience.reference(), members);
        return loss.add(times(PolicyLoss.klPenalty(logp, reference, ratio, mask, tokens), (float) klCoefficient));
    }

    /** Values of some rollouts' tokens in a row. */
    NDArray flat(double[][] rows, int[] members) {
        int n = 0;
        for (int i : members) {
            n += rows[i].length;
        }
        float[] values = new float[n];
        int at = 0;
        for (int i : members) {
            for (double x : rows[i]) {
                values[at++] = (float) x;
            }
        }
        return arrays().create(values);
    }

    private static NDArray sums(NDArray rows, NDArray perToken) {
        return rows.matMul(perToken.reshape(perToken.size(), 1)).flatten();
    }

    /** 1 where a token is of a rollout, [rollouts, tokens]. */
    private NDArray rowsOfTokens(Experience experience, int[] members) {
        int tokens = 0;
        for (int i : members) {
            tokens += experience.logProbabilities()[i].length;
        }
        float[] rows = new float[members.length * tokens];
        int at = 0;
        for (int i = 0; i < members.length; i++) {
            int length = experience.logProbabilities()[members[i]].length;
            Arrays.fill(rows, i * tokens + at, i * tokens + at + length, 1f);
            at += length;
        }
        return arrays().create(rows, new Shape(members.length, tokens));
    }

    private NDManager arrays() {
        return base.runtime().root();
    }
}
