package dev.podium.training;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundConfig;
import dev.podium.training.data.TrainingData;
import dev.podium.training.dpo.DpoTrainer;
import dev.podium.training.ppo.PpoTrainer;
import dev.podium.training.reward.RewardTrainer;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.Trainer;
import dev.podium.training.sample.SampleTrainer;
import dev.podium.training.sft.SftTrainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

/**
 * A round in a process of its own, to be killed: {@code METHOD FOLDER [STEP]}. Says {@code step N} before each step that it
 * takes, counted from where it goes on, and {@code done} after the last. With a step it does not begin the one behind it,
 * so that it is killed in that step wherever the signal finds it, however slow the killer is.
 */
public final class KilledTrainer {
    private static final TrainingData DATA = TinyRound.politeness(8, 2);
    private static final int STEPS = 12;

    private KilledTrainer() {}

    public static void main(String[] args) throws Exception {
        int lastStep = args.length > 2 ? Integer.parseInt(args[2]) : Integer.MAX_VALUE;
        run(args[0], Path.of(args[1]), lastStep, step -> System.out.println("step " + step));
        System.out.println("done");
    }

    /** Trains to the end in this process, and says nothing. */
    static void run(String method, Path folder) throws Exception {
        run(method, folder, Integer.MAX_VALUE, step -> {});
    }

    /** Trains to the end, or until it is killed behind the last step. */
    private static void run(String method, Path folder, int lastStep, IntConsumer said) throws Exception {
        try (TinyRound round = new TinyRound()) {
            Optional<RoundContext.RewardModel> reward = Optional.empty();
            if (method.equals("PPO") || method.equals("GRPO") || method.equals("SAMPLE")) {
                reward = Optional.of(new RoundContext.RewardModel(rewardFolder(round, folder), 1, 0));
            }
            if (method.equals("SAMPLE")) {
                sample(round, folder, reward, lastStep, said);
                return;
            }
            // The rounds before, in this process, were the reward model's.
            int before = round.recorder.resumedFrom.size();
            int[] step = {0};
            trainer(method).train(round.context(config(method), data(method), folder, Optional.empty(), reward, () -> {
                if (round.recorder.resumedFrom.size() > before) {
                    awaitKill(step[0], lastStep);
                    said.accept(step[0]++);
                }
                return false;
            }));
        }
    }

    private static void awaitKill(int step, int lastStep) {
        while (step > lastStep) {
            LockSupport.park();
        }
    }

    /** KTO learns from what is marked unacceptable. */
    private static TrainingData data(String method) {
        return method.equals("KTO") ? new TrainingData(marked(DATA.train()), marked(DATA.heldOut()), 0) : DATA;
    }

    private static List<PreferenceSet> marked(List<PreferenceSet> sets) {
        PreferenceSet.RankingUsed ranking = new PreferenceSet.RankingUsed("lea", 1, "e", "rlhf.rankings.v1", 0, 0, 1);
        return sets.stream()
                .map(set -> TinyRound.with(set, set.ties(), Map.of("o2", 1, "o3", 1), List.of(ranking)))
                .toList();
    }

    /** Sets go to a file beside the folder, as they would to the log; a step is a checkpoint. */
    private static void sample(
            TinyRound round, Path folder, Optional<RoundContext.RewardModel> reward, int lastStep, IntConsumer said)
            throws Exception {
        List<List<Message>> prompts = new ArrayList<>();
        for (int i = 0; i < 96; i++) {
            prompts.add(List.of(Message.user("Where is parcel " + i + "?")));
        }
        Path sent = folder.resolveSibling(folder.getFileName() + "-sets.jsonl");
        round.recorder.onSample = set -> append(sent, EventJson.writeText(set));
        round.recorder.onCheckpoint = step -> {
            said.accept(step);
            awaitKill(step + 1, lastStep);
        };
        RoundConfig config = new RoundConfig.Sample(7, 2, 64, 1, 0, 1, 8, false, "", "disagreement", 2, 0.25);
        new SampleTrainer(Clock.fixed(Instant.EPOCH, ZoneOffset.UTC))
                .train(round.context(config, DATA, prompts, List.of(), folder, Optional.empty(), reward, () -> false));
    }

    private static void append(Path file, String line) {
        try {
            Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same reward model in every process: made once, put in place whole. */
    private static Path rewardFolder(TinyRound round, Path folder) throws Exception {
        Path kept = folder.resolveSibling(folder.getFileName() + "-reward");
        if (!Files.exists(kept)) {
            Path made = new RewardTrainer()
                    .train(round.context(config("REWARD"), DATA, Files.createTempDirectory(folder.getParent(), "r")))
                    .adapter()
                    .orElseThrow()
                    .folder();
            Files.move(made, kept);
        }
        return kept;
    }

    private static Trainer trainer(String method) {
        return switch (method) {
            case "DPO", "KTO" -> new DpoTrainer();
            case "REWARD" -> new RewardTrainer();
            case "PPO", "GRPO" -> new PpoTrainer();
            case "SFT", "SFT_FULL" -> new SftTrainer();
            default -> throw new IllegalArgumentException(method);
        };
    }

    private static RoundConfig config(String method) {
        RoundConfig.Training training = new RoundConfig.Training(1e-2, STEPS / 4.0, 2, 256, 1.0, 0.1, 0.2, 2);
        RoundConfig.Lora lora = new RoundConfig.Lora(8, 16, 0.1, RoundConfig.Lora.ALL_TARGETS);
        return switch (method) {
            case "DPO" -> new RoundConfig.Dpo(7, lora, training, "sigmoid", 0.1, 0);
            case "KTO" -> new RoundConfig.Dpo(7, lora, training, RoundConfig.Dpo.UNPAIRED, 0.1, 0);
            case "REWARD" -> new RoundConfig.Reward(7, lora, training, 0.01, 0, "bradley_terry", 0.0, 2);
            case "SFT" -> new RoundConfig.Sft(7, lora, training, true);
            case "SFT_FULL" -> new RoundConfig.Sft(7, lora, training, true, "full");
            case "PPO" -> ppo(lora, training, "gae", 1);
            case "GRPO" -> ppo(lora, training, "grpo", 2);
            default -> throw new IllegalArgumentException(method);
        };
    }

    /** With a KL weight that is steered. */
    private static RoundConfig.Ppo ppo(
            RoundConfig.Lora lora, RoundConfig.Training training, String advantage, int samples) {
        return new RoundConfig.Ppo(
                7, lora, training, 2 * STEPS, 2, 1, 0.02, 0.2, 0.2, 0.1, 1, 0.95, 1, 8, 0, 0, advantage, samples, 1.0,
                0.0, 0.0);
    }
}
