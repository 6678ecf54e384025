package dev.podium.training.ppo;

import static dev.podium.llm.torch.Numbers.over;
import static dev.podium.llm.torch.Numbers.plus;
import static dev.podium.llm.torch.Numbers.times;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.Seeds;
import dev.podium.training.batch.StepPlan;
import dev.podium.training.loop.StepGuard;
import dev.podium.training.loop.Throughput;
import dev.podium.training.loss.PolicyLoss;
import dev.podium.training.reward.RewardModel;
import dev.podium.training.round.RoundFailure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The optimisation passes over one batch of rollouts: clipped policy and value losses. */
final class Updates {
    /** Whether the policy moved further than {@code targetKl} before the last pass. */
    static final String STOPPED_EARLY = "stopped_early";

    private final CausalLM base;
    private final LoraAdapter policy;
    private final ScalarHead value;
    private final RewardModel reward;
    private final PolicyObjective objective;
    private final AdamW policyOptimizer;
    private final AdamW valueOptimizer;
    private final Throughput throughput;
    private final RoundConfig.Ppo config;

    Updates(
            CausalLM base,
            LoraAdapter policy,
            ScalarHead value,
            RewardModel reward,
            AdamW policyOptimizer,
            AdamW valueOptimizer,
            Throughput throughput,
            RoundConfig.Ppo config) {
        this.base = base;
        this.policy = policy;
        this.value = value;
        this.reward = reward;
        this.policyOptimizer = policyOptimizer;
        this.valueOptimizer = valueOptimizer;
        this.throughput = throughput;
        this.config = config;
        this.objective = new PolicyObjective(base, config);
    }

    /** Sums over the tokens of all passes, for means under TRL's names. */
    private static final class Totals {
        private double tokens;
        private double policyLoss;
        private double valueLoss;
        private double squaredLogRatio;
        private double policyClipped;
        private double valueClipped;
        private double ratio;
        private double gradientNorm;
        private int updates;
        private boolean stoppedEarly;

        Map<String, Double> metrics(boolean valued) {
            Map<String, Double> metrics = new LinkedHashMap<>();
            double n = Math.max(1, tokens);
            metrics.put("loss/policy_avg", policyLoss / Math.max(1, updates));
            metrics.put("policy/approxkl_avg", 0.5 * squaredLogRatio / n);
            metrics.put("policy/clipfrac_avg", policyClipped / n);
            if (valued) {
                metrics.put("loss/value_avg", valueLoss / Math.max(1, updates));
                metrics.put("val/clipfrac_avg", valueClipped / n);
            }
            metrics.put("val/ratio", ratio / n);
            metrics.put("grad_norm", gradientNorm / Math.max(1, updates));
            metrics.put("updates", (double) updates);
            metrics.put(STOPPED_EARLY, stoppedEarly ? 1.0 : 0.0);
            return metrics;
        }
    }

    /**
     * All passes over the experience; stops early when the policy has moved further than {@code targetKl}.
     *
     * @param klCoefficient weight of the KL in GRPO's loss; the others have it in the reward
     * @return metrics of the step
     */
    Map<String, Double> optimise(Experience experience, double klCoefficient, double rate, int step, StepGuard guard)
            throws RoundFailure {
        Totals totals = new Totals();
        int rows = experience.rows().size();
        int size = Math.ceilDiv(rows, Math.min(rows, config.miniBatches()));
        StepPlan plan = StepPlan.ofEpochs(rows, size, config.ppoEpochs(), Seeds.mix(config.seed(), 1_000L + step));
        for (int update = 0; update < plan.totalSteps(); update++) {
            double approximateKl = update(experience, plan.indexes(update), klCoefficient, rate, step, guard, totals);
            if (config.targetKl() > 0 && approximateKl > config.targetKl()) {
                totals.stoppedEarly = update + 1 < plan.totalSteps();
                break;
            }
        }
        return totals.metrics(config.hasValueModel());
    }

    /** One optimiser step on some of the rollouts. */
    private double update(
            Experience experience,
            int[] chosen,
            double klCoefficient,
            double rate,
            int step,
            StepGuard guard,
            Totals totals)
            throws RoundFailure {
        List<Sequence> rows = new ArrayList<>();
        int tokens = 0;
        for (int i : chosen) {
            rows.add(experience.rows().get(i));
            tokens += experience.logProbabilities()[i].length;
        }
        double policyLoss = 0;
        double valueLoss = 0;
        double squared = totals.squaredLogRatio;
        for (List<Integer> part : MicroBatches.ofSequences(rows, MicroBatches.tokens(base.config()))) {
            int[] members = part.stream().mapToInt(i -> chosen[i]).toArray();
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.on()) {
                TokenBatch batch =
                        TokenBatch.of(base, part.stream().map(rows::get).toList());
                NDArray states = batch.completionStates(base, batch.states(base, Optional.of(policy)));
                NDArray scaled = config.temperature() == 1 ? states : over(states, (float) config.temperature());
                NDArray logp = base.logProbabilities(scaled, batch.targets());
                NDArray old = objective.flat(experience.logProbabilities(), members);
                NDArray advantages = objective.flat(experience.advantages(), members);
                NDArray policyPart = objective.loss(experience, members, logp, klCoefficient, tokens, chosen.length);
                NDArray loss = policyPart;
                if (config.hasValueModel()) {
                    NDArray values = values(experience, members);
                    NDArray oldValues = objective.flat(experience.values(), members);
                    NDArray valuePart = PolicyLoss.clippedValue(
                            values,
                            oldValues,
                            objective.flat(experience.returns(), members),
                            logp.onesLike(),
                            config.valueClip(),
                            tokens);
                    loss = policyPart.add(times(valuePart, (float) config.valueCoefficient()));
                    valueLoss += valuePart.getFloat();
                    countValues(totals, values.toFloatArray(), oldValues.toFloatArray());
                }
                GradientMode.backward(loss);
                throughput.trained(batch.sequences(), true);
                policyLoss += policyPart.getFloat();
                count(totals, logp.toFloatArray(), old.toFloatArray(), advantages.toFloatArray());
            }
        }
        double norm = config.hasValueModel()
                ? guard.stepByGradient(policyOptimizer, valueOptimizer, rate, policyLoss + valueLoss, step)
                : guard.stepByGradient(policyOptimizer, rate, policyLoss, step);
        if (Double.isFinite(norm)) {
            totals.policyLoss += policyLoss;
            totals.valueLoss += valueLoss;
            totals.gradientNorm += norm;
            totals.updates++;
        }
        return 0.5 * (totals.squaredLogRatio - squared) / tokens;
    }

    /** V = gain * (w . state) + bias with the value's own w, in the reward's normalised units. */
    private NDArray values(Experience experience, int[] members) {
        int hidden = base.config().hiddenSize();
        int length = 0;
        for (int i : members) {
            length += experience.valueStates()[i].length;
        }
        float[] states = new float[length];
        int at = 0;
        for (int i : members) {
            float[] row = experience.valueStates()[i];
            System.arraycopy(row, 0, states, at, row.length);
            at += row.length;
        }
        NDArray rows = arrays().create(states, new Shape(length / hidden, hidden));
        return plus(times(value.apply(rows), (float) reward.gain()), (float) reward.bias());
    }

    private NDManager arrays() {
        return base.runtime().root();
    }

    private void count(Totals totals, float[] logp, float[] old, float[] advantages) {
        for (int t = 0; t < logp.length; t++) {
            double logRatio = Math.clamp((double) logp[t] - old[t], -20.0, 20.0);
            double ratio = Math.exp(logRatio);
            double plain = -advantages[t] * ratio;
            double clipped = -advantages[t] * Math.clamp(ratio, 1 - config.clip(), 1 + config.clip());
            totals.squaredLogRatio += logRatio * logRatio;
            totals.ratio += ratio;
            totals.policyClipped += clipped > plain ? 1 : 0;
        }
        totals.tokens += logp.length;
    }

    private void countValues(Totals totals, float[] values, float[] oldValues) {
        for (int t = 0; t < values.length; t++) {
            totals.valueClipped += Math.abs(values[t] - oldValues[t]) > config.valueClip() ? 1 : 0;
        }
    }
}
