package dev.podium.training.round;

import dev.podium.contracts.RoundKind;
import dev.podium.training.publish.Publishing;
import dev.podium.training.publish.RoundTraces;
import dev.podium.training.track.RoundTracker;
import dev.podium.training.track.Trackers;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One trainer's place in the log.
 *
 * @param kafka client configuration, at least {@code bootstrap.servers}
 * @param trainer name of the application, e.g. {@code policy-trainer}
 * @param groupId consumer group; trainers of the same kinds share it
 * @param kinds of rounds that this trainer takes
 * @param workDir checkpoints and data sets of unfinished rounds; belongs to one process at a time
 * @param deadLetters whether unreadable commands are put aside by this trainer; one of the trainers does
 * @param tracker is told how rounds go, besides their events
 * @param traces what caused the rounds at hand
 * @param publishing how adapters are signed and where large files and checkpoints go
 */
public record RoundRunnerConfig(
        Map<String, Object> kafka,
        String trainer,
        String groupId,
        Set<RoundKind> kinds,
        Path workDir,
        boolean deadLetters,
        RoundTracker tracker,
        RoundTraces traces,
        Publishing publishing) {
    public RoundRunnerConfig {
        kafka = Map.copyOf(kafka);
        kinds = Set.copyOf(kinds);
    }

    /** The reward-trainer: REWARD rounds. */
    public static RoundRunnerConfig rewardTrainer(Map<String, Object> kafka, Path workDir) {
        return new RoundRunnerConfig(
                kafka,
                "reward-trainer",
                "podium-reward-trainer",
                Set.of(RoundKind.REWARD),
                workDir,
                false,
                NONE,
                new RoundTraces(),
                Publishing.plain());
    }

    /** The policy-trainer: all other kinds. */
    public static RoundRunnerConfig policyTrainer(Map<String, Object> kafka, Path workDir) {
        return new RoundRunnerConfig(
                kafka,
                "policy-trainer",
                "podium-policy-trainer",
                EnumSet.complementOf(EnumSet.of(RoundKind.REWARD)),
                workDir,
                true,
                NONE,
                new RoundTraces(),
                Publishing.plain());
    }

    /** The same with a tracker. */
    public RoundRunnerConfig trackedBy(RoundTracker other) {
        return new RoundRunnerConfig(kafka, trainer, groupId, kinds, workDir, deadLetters, other, traces, publishing);
    }

    /** The same, publishing in another way. */
    public RoundRunnerConfig publishing(Publishing other) {
        return new RoundRunnerConfig(kafka, trainer, groupId, kinds, workDir, deadLetters, tracker, traces, other);
    }

    private static final RoundTracker NONE = new Trackers(List.of());
}
