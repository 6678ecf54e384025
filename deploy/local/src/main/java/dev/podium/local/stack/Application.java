package dev.podium.local.stack;

import java.util.List;

/** A process of the stack: its name, the offset of its port from the first port, its heap and its flags. */
public enum Application {
    FEEDBACK_API("feedback-api", 0, "256m"),
    RANKING_STREAM("ranking-stream", 1, "256m"),
    REWARD_TRAINER("reward-trainer", 2, "1g"),
    POLICY_TRAINER("policy-trainer", 3, "1g"),
    SAMPLE_SERVICE("sample-service", 4, "512m");

    private final String label;
    private final int portOffset;
    private final String heap;

    Application(String label, int portOffset, String heap) {
        this.label = label;
        this.portOffset = portOffset;
        this.heap = heap;
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
        return List.of(
                "-Xmx" + heap,
                "-XX:+UseSerialGC",
                "-XX:+ExitOnOutOfMemoryError",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dai.djl.offline=true");
    }
}
