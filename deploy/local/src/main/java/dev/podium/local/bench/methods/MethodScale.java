package dev.podium.local.bench.methods;

import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundConfig.Training;
import dev.podium.contracts.RoundKind;
import java.util.Optional;

/**
 * How much is trained with a base model, and with which hyperparameters: what two cores can do for every method and seed.
 * Within a kind all methods have the same, but for what a loss cannot be without.
 *
 * @param trainTasks at most
 * @param heldOutTasks at most
 * @param heldOutShare of prompts, by their hash
 * @param maxLengthTokens of prompt and output; longer outputs are left out, and tasks that have no decided pair then
 * @param maxTaskTokens of a prompt with its outputs; larger tasks are left out
 * @param judgedPrompts prompts for the rubric's win rate; 0 where the rubric has no say
 * @param judgedRollouts prompts that PPO is evaluated on
 */
record MethodScale(
        int trainTasks,
        int heldOutTasks,
        double heldOutShare,
        int maxLengthTokens,
        int maxTaskTokens,
        int judgedPrompts,
        int judgedRollouts,
        int maxNewTokens,
        int batchTasks,
        double epochs,
        double sftRate,
        double sftFullRate,
        double rewardRate,
        double dpoRate,
        double ppoRate,
        int rollouts,
        int rolloutsPerStep) {
    /** To be raised by a change that makes other runs of the same numbers: of losses' settings, tasks or judges. */
    static final int REVISION = 1;

    /** Completions of a prompt where a group takes the value model's place. */
    private static final int GROUP = 4;
    /** Nothing goes on from a checkpoint here. */
    private static final int NO_CHECKPOINT = 1_000_000;

    private static final MethodScale NANO =
            new MethodScale(120, 60, 0.3, 512, 4096, 100, 60, 112, 8, 2, 1e-3, 3e-4, 1e-3, 1e-3, 1e-3, 512, 64);
    private static final MethodScale SMALL =
            new MethodScale(32, 24, 0.4, 256, 300, 0, 12, 32, 4, 2, 2e-4, 2e-5, 5e-4, 2e-4, 3e-4, 192, 32);

    static MethodScale of(String model) {
        return model.equals("podium-nano") ? NANO : SMALL;
    }

    RoundConfig config(Method method, long seed) {
        RoundConfig.Lora lora = RoundConfig.Lora.DEFAULT;
        String name = method.name();
        return switch (method.kind()) {
            case SFT ->
                new RoundConfig.Sft(
                        seed, lora, training(name.equals("full") ? sftFullRate : sftRate, batchTasks), true, name);
            case REWARD ->
                new RoundConfig.Reward(
                        seed,
                        lora,
                        training(rewardRate, batchTasks),
                        name.equals(Method.ENSEMBLE) || name.equals("bradley_terry") ? 0.01 : 0,
                        0,
                        name.equals(Method.ENSEMBLE) ? "bradley_terry" : name,
                        0.0,
                        name.equals(Method.ENSEMBLE) ? 3 : 1);
            case DPO ->
                new RoundConfig.Dpo(seed, lora, training(dpoRate, batchTasks), name, beta(name), labelSmoothing(name));
            case PPO -> ppo(name, seed, lora);
            case SAMPLE -> throw new IllegalArgumentException("sampling trains nothing");
        };
    }

    /** Of SimPO's paper, whose rewards are per token; TRL's for all others. */
    private static double beta(String loss) {
        return loss.equals("simpo") ? 2.0 : 0.1;
    }

    private static double labelSmoothing(String loss) {
        return switch (loss) {
            case "cdpo", "robust" -> 0.1;
            case "exo_pair" -> 1e-3;
            default -> 0;
        };
    }

    /** As many rollouts for each advantage. */
    private RoundConfig.Ppo ppo(String advantage, long seed, RoundConfig.Lora lora) {
        int samples = advantage.equals("gae") ? 1 : GROUP;
        RoundConfig.Ppo d = RoundConfig.Ppo.DEFAULT;
        return new RoundConfig.Ppo(
                seed,
                lora,
                training(ppoRate, rolloutsPerStep / samples),
                rollouts / samples,
                2,
                2,
                d.klCoefficient(),
                d.clip(),
                d.valueClip(),
                d.valueCoefficient(),
                d.gamma(),
                d.lambda(),
                1.0,
                maxNewTokens,
                0,
                0,
                advantage,
                samples,
                0.0,
                0.0,
                0.0);
    }

    private Training training(double rate, int batch) {
        return new Training(rate, epochs, batch, maxLengthTokens, 1.0, 0.05, heldOutShare, NO_CHECKPOINT);
    }

    /** All that a run of a method depends on but for its seed and the code: other numbers of another method change nothing. */
    String settings(Method method) {
        String tasks = REVISION + " " + trainTasks + " " + heldOutTasks + " " + maxTaskTokens + " " + judgedPrompts
                + " " + maxNewTokens + " " + method.label() + " " + config(method, 0);
        return method.kind() == RoundKind.PPO
                ? tasks + " " + judgedRollouts + " " + config(Method.REWARD_OF_PPO, 0)
                : tasks;
    }

    /** Whether the rubric of support answers judges this model. */
    Optional<Integer> judged() {
        return judgedPrompts == 0 ? Optional.empty() : Optional.of(judgedPrompts);
    }
}
