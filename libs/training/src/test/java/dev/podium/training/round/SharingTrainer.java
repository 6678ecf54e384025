package dev.podium.training.round;

import dev.podium.contracts.RoundKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A trainer in a process of its own, to be killed or stopped: {@code BOOTSTRAP WORK_DIR GATE}. A round of version {@code
 * hold} waits at its sixth step until the file GATE is there. Says {@code at ROUND}, {@code step ROUND N} and {@code idle}.
 */
final class SharingTrainer {
    /** The shortest session that brokers grant. */
    private static final int SESSION_MILLIS = 6_000;

    private static final int POLL_INTERVAL_MILLIS = 2_000;

    private SharingTrainer() {}

    public static void main(String[] args) throws Exception {
        Map<String, Object> kafka = new HashMap<>();
        kafka.put("bootstrap.servers", args[0]);
        kafka.put("session.timeout.ms", SESSION_MILLIS);
        kafka.put("heartbeat.interval.ms", SESSION_MILLIS / 6);
        kafka.put("max.poll.interval.ms", POLL_INTERVAL_MILLIS);
        Path gate = Path.of(args[2]);
        StepTrainer trainer = new StepTrainer((context, step) -> {
            System.out.println("step " + context.command().roundId() + " " + step);
            while (context.command().version().equals("hold") && step == 5 && !Files.exists(gate)) {
                context.checkCancelled(step);
                pause();
            }
        });
        try (RoundRunner runner = RoundRunner.start(
                RoundRunnerConfig.policyTrainer(kafka, Path.of(args[1])),
                Map.of(
                        RoundKind.DPO, trainer,
                        RoundKind.SFT, trainer,
                        RoundKind.PPO, trainer,
                        RoundKind.SAMPLE, trainer),
                RoundRunnerTest::open,
                () -> {})) {
            String told = "";
            // Ends with its parent.
            while (System.in.available() == 0) {
                String now =
                        runner.status().map(status -> "at " + status.roundId()).orElse("idle");
                if (!now.equals(told)) {
                    System.out.println(now);
                    told = now;
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(20);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
