package dev.podium.training.ppo;

import dev.podium.contracts.Evaluation;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.optim.AdamW;
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
import dev.podium.training.reward.RewardEnsemble;
import dev.podium.training.round.Guard;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import dev.podium.training.round.Trainer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Proximal policy optimisation (Schulman et al. 2017) against a reward adapter, with one base model in memory: policy =
 * base + the adapter in training; reference = base, or base + the initial adapter where the round continues one; reward =
 * base + reward adapter + head; value = the reward model's states with a head of its own, which starts as a copy of the
 * reward's head. So a rollout costs one pass each of reward and reference, and an optimisation pass one of the policy.
 *
 * <p>RLOO and GRPO sample several completions of each prompt and take the group's mean for the value: no value model.
 *
 * <p>One step = a batch of fresh rollouts and {@code ppoEpochs} passes over it.
 */
public final class PpoTrainer implements Trainer {
    private static final Logger LOG = LoggerFactory.getLogger(PpoTrainer.class);
    private static final long ROLLOUT_STREAM = 103;
    private static final long EVALUATION_STREAM = 104;

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        RoundConfig.Ppo config = (RoundConfig.Ppo) context.command().config();
        RoundConfig.Training training = config.training();
        CausalLM base = context.model();
        PromptTokenizer tokenizer = new PromptTokenizer(context.base(), training.maxLengthTokens());
        Prompts prompts = Prompts.of(context, tokenizer, config);
        RoundContext.RewardModel rewardFiles = context.rewardModel()
                .orElseThrow(() -> new RoundFailure("unknown_adapter", "a PPO round needs a rewardAdapter"));

        try (LoraAdapter policy = RoundStart.policyAdapter(context, config.lora(), config.seed());
                References references = new References(RoundStart.initialAdapter(context));
                RewardEnsemble reward = RewardEnsemble.read(rewardFiles, base);
                ScalarHead value = ScalarHead.of(base, reward.first().head().export());
                AdamW policyOptimizer = new AdamW(base, policy.parameters());
                AdamW valueOptimizer = new AdamW(base, List.of(value.parameter()))) {
            value.requireGradients(true);
            Rollouts rollouts = new Rollouts(base, tokenizer, policy, references.adapter(), reward, value, config);
            Throughput throughput = new Throughput(base, policy.parameters());
            Updates updates = new Updates(
                    base, policy, value, reward.first(), policyOptimizer, valueOptimizer, throughput, config);
            StepPlan plan = StepPlan.ofTotal(
                    prompts.train().size(), training.batchTasks(), config.totalPrompts(), config.seed());
            boolean valued = config.hasValueModel();
            List<NamedParameter> parameters = new ArrayList<>(policy.parameters());
            if (valued) {
                parameters.add(value.parameter());
            }
            List<AdamW> optimizers = valued ? List.of(policyOptimizer, valueOptimizer) : List.of(policyOptimizer);
            Checkpoints checkpoints = new Checkpoints(context.workDir());
            LossCurve curve = new LossCurve();
            int start = checkpoints.resume(parameters, optimizers, curve);
            RoundStart.report(context, parameters, prompts.info(), start, plan.totalSteps());
            long evaluationSeed = Seeds.mix(config.seed(), EVALUATION_STREAM);
            if (start == 0) {
                Rollouts.Evaluation before = rollouts.evaluate(prompts.evaluated(), evaluationSeed);
                curve.note("reward_before", before.reward());
                curve.note("kl_before", before.kl());
            }
            StepReporter reporter = new StepReporter(context.reporter(), start, plan.totalSteps(), System::nanoTime);
            StepGuard guard = new StepGuard(context.reporter(), training, curve);
            KlController kl = new KlController(config, curve);
            CollapseGuard collapse = new CollapseGuard(config, curve);
            boolean checkpointDue = false;
            boolean collapsed = false;

            for (int step = start; step < plan.totalSteps(); step++) {
                context.checkCancelled(step);
                throughput.start();
                long began = System.nanoTime();
                List<int[]> batch = RoundStart.take(prompts.train(), plan.indexes(step));
                Rollouts.Sampled sampled = rollouts.sample(
                        batch, config.samplesPerPrompt(), Seeds.mix(config.seed() ^ ROLLOUT_STREAM, step));
                throughput.generated(sampled.rows(), System.nanoTime() - began);
                double klCoefficient = kl.coefficient();
                Experience experience = Experience.of(rollouts.judge(sampled), klCoefficient, config);
                // The policy and the reference, and each reward model.
                throughput.passed(sampled.rows(), true);
                throughput.passed(sampled.rows(), true);
                reward.members().forEach(member -> throughput.passed(sampled.rows(), false));
                if (collapse.after(experience)) {
                    collapsed = true;
                    goBack(context, collapse.message(step), checkpoints.resume(parameters, optimizers, curve), curve);
                    break;
                }
                // Not before: only these rollouts tell what the steps before have made of the policy.
                if (checkpointDue && collapse.isSound()) {
                    checkpoints.save(step, parameters, optimizers, curve);
                    context.reporter().checkpointed(step);
                    checkpointDue = false;
                }
                double rate = LearningRate.at(training, step, plan.totalSteps());
                Map<String, Double> metrics = new LinkedHashMap<>(experience.metrics());
                metrics.putAll(updates.optimise(experience, klCoefficient, rate, step, guard));
                metrics.putAll(guard.metrics());
                if (metrics.getOrDefault(Updates.STOPPED_EARLY, 0.0) > 0) {
                    context.reporter().guarded(Guard.TARGET_KL);
                }
                kl.adapt(experience);
                metrics.put("objective/kl_coef", klCoefficient);
                metrics.put("lr", rate);
                metrics.put("episode", (double) (step + 1) * plan.batch() * config.samplesPerPrompt());
                double seconds = (System.nanoTime() - began) / 1e9;
                metrics.putAll(throughput.metrics());
                // Of what was sampled, however often it was learnt from.
                metrics.put("tokens_per_second", experience.tokens() / seconds);
                reporter.step(step + 1, metrics);
                checkpointDue |= (step + 1) % training.checkpointSteps() == 0;
            }

            Rollouts.Evaluation after = rollouts.evaluate(prompts.evaluated(), evaluationSeed);
            if (!collapsed && collapse.after(after)) {
                goBack(
                        context,
                        collapse.message(plan.totalSteps()),
                        checkpoints.resume(parameters, optimizers, curve),
                        curve);
                after = rollouts.evaluate(prompts.evaluated(), evaluationSeed);
            }
            Map<String, Double> metrics = new LinkedHashMap<>(curve.notes());
            metrics.put("reward_after", after.reward());
            metrics.put("kl", after.kl());
            metrics.put("completion_tokens", after.tokens());
            metrics.put("steps", (double) plan.totalSteps());
            metrics.put("heldout_prompts", (double) prompts.heldOut().size());
            metrics.putAll(guard.metrics());
            return new RoundResult(
                    Optional.of(RoundStart.write(context, policy, Optional.empty())),
                    StepReporter.finite(metrics),
                    Optional.empty(),
                    verdict(training, curve, after).map(Evaluation::of));
        }
    }

    /** @param good step of the checkpoint that was taken up; 0 where there is none */
    private static void goBack(RoundContext context, String why, int good, LossCurve curve) throws RoundFailure {
        context.reporter().guarded(Guard.MAX_KL);
        if (good == 0) {
            throw new RoundFailure("collapsed", why + "; " + CollapseGuard.REMEDY);
        }
        LOG.warn(
                "round {}: {}; the round ends with its checkpoint of step {}",
                context.command().roundId(),
                why,
                good);
        curve.note("rolled_back_to_step", good);
    }

    /** Rewards have a deviation of about 1: two standard errors of the difference of two means are noise. */
    private static Optional<Evaluation.Verdict> verdict(
            RoundConfig.Training training, LossCurve curve, Rollouts.Evaluation after) {
        double before = curve.note("reward_before").orElse(Double.NaN);
        double noise = 2 * Math.sqrt(2.0 / Math.max(1, after.rollouts()));
        return PublishRule.of(training, "reward_after", before, after.reward(), true, noise, after.rollouts())
                .verdict();
    }

    /** The frozen copy of the initial adapter, or nothing: then the base model is the reference. */
    private record References(Optional<LoraAdapter> adapter) implements AutoCloseable {
        @Override
        public void close() {
            adapter.ifPresent(LoraAdapter::close);
        }
    }
}
