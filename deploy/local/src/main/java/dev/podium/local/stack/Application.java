package dev.podium.local.stack;

import java.util.List;

/** A process of the stack: its name, the offset of its port from the first port, its heap and its flags. */
public enum Application {
    FEEDBACK_API("feedback-api", 0, "256m", true),
    RANKING_STREAM("ranking-stream", 1, "256m", true),
    REWARD_TRAINER("reward-trainer", 2, "1g", true),
    POLICY_TRAINER("policy-trainer", 3, "1g", true),
    SAMPLE_SERVICE("sample-service", 4, "512m", true);

    private final String label;
    private final int portOffset;
    private final String heap;
    private final boolean computes;

    Application(String label, int portOffset, String heap, boolean computes) {
        this.label = label;
        this.portOffset = portOffset;
        this.heap = heap;
        this.computes = computes;
    }

    /** Name of its module, its log and its pid file. */
    public String label() {
        return label;
    }

    /** Its port is the first port plus this. */
    public int portOffset() {
        return portOffset;
    }

    List<String> jvmFlags() {
        // Quick starts need no second compiler; training does.
        List<String> flags = List.of(
                "-Xmx" + heap,
                "-XX:+UseSerialGC",
                "-XX:+ExitOnOutOfMemoryError",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dai.djl.offline=true");
        return computes
                ? flags
                : java.util.stream.Stream.concat(flags.stream(), java.util.stream.Stream.of("-XX:TieredStopAtLevel=1"))
                        .toList();
    }
}
