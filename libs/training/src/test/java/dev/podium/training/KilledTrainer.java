package dev.podium.training;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
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
import java.util.Optional;

/**
 * A round in a process of its own, to be killed: {@code METHOD FOLDER}. Says {@code step N} before each step, and {@code
 * done} after the last.
 */
public final class KilledTrainer {
    private static final TrainingData DATA = TinyRound.politeness(8, 2);
    private static final int STEPS = 12;

    private KilledTrainer() {}

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[1]);
        try (TinyRound round = new TinyRound()) {
            Optional<RoundContext.RewardModel> reward = Optional.empty();
            if (args[0].equals("PPO") || args[0].equals("SAMPLE")) {
                reward = Optional.of(new RoundContext.RewardModel(rewardFolder(round, folder), 1, 0));
            }
            if (args[0].equals("SAMPLE")) {
                sample(round, folder, reward);
                return;
            }
            int[] step = {0};
            trainer(args[0]).train(round.context(config(args[0]), DATA, folder, Optional.empty(), reward, () -> {
                System.out.println("step " + step[0]++);
                return false;
            }));
            System.out.println("done");
        }
    }

    /** Sets go to a file beside the folder, as they would to the log; a step is a checkpoint. */
    private static void sample(TinyRound round, Path folder, Optional<RoundContext.RewardModel> reward)
            throws Exception {
        List<List<Message>> prompts = new ArrayList<>();
        for (int i = 0; i < 96; i++) {
            prompts.add(List.of(Message.user("Where is parcel " + i + "?")));
        }
        Path sent = folder.resolveSibling(folder.getFileName() + "-sets.jsonl");
        round.recorder.onSample = set -> append(sent, EventJson.writeText(set));
        round.recorder.onCheckpoint = step -> System.out.println("step " + step);
        RoundConfig config = new RoundConfig.Sample(7, 2, 64, 1, 0, 1, 8, false, "", "disagreement", 2, 0.25);
        new SampleTrainer(Clock.fixed(Instant.EPOCH, ZoneOffset.UTC))
                .train(round.context(config, DATA, prompts, List.of(), folder, Optional.empty(), reward, () -> false));
        System.out.println("done");
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
            case "DPO" -> new DpoTrainer();
            case "REWARD" -> new RewardTrainer();
            case "PPO" -> new PpoTrainer();
            case "SFT", "SFT_FULL" -> new SftTrainer();
            default -> throw new IllegalArgumentException(method);
        };
    }

    private static RoundConfig config(String method) {
        RoundConfig.Training training = new RoundConfig.Training(1e-2, STEPS / 4.0, 2, 256, 1.0, 0.1, 0.2, 2);
        RoundConfig.Lora lora = new RoundConfig.Lora(8, 16, 0.1, RoundConfig.Lora.ALL_TARGETS);
        return switch (method) {
            case "DPO" -> new RoundConfig.Dpo(7, lora, training, "sigmoid", 0.1, 0);
            case "REWARD" -> new RoundConfig.Reward(7, lora, training, 0.01, 0, "bradley_terry", 0.0, 2);
            case "SFT" -> new RoundConfig.Sft(7, lora, training, true);
            case "SFT_FULL" -> new RoundConfig.Sft(7, lora, training, true, "full");
            default ->
                new RoundConfig.Ppo(7, lora, training, 2 * STEPS, 2, 1, 0.02, 0.2, 0.2, 0.1, 1, 0.95, 1, 8, 0, 0);
        };
    }
}
