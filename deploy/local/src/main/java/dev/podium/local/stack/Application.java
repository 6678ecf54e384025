package dev.podium.local.stack;

import java.util.ArrayList;
import java.util.List;

/** A process of the stack: its name, the offset of its port from the first port, its heap and its flags. */
public enum Application {
    FEEDBACK_API("feedback-api", 0, "256m"),
    // Half of the heap is for what is young: a batch of rankings lives until its commit, and little outlives it.
    RANKING_STREAM(
            "ranking-stream",
            1,
            "256m",
            "-XX:NewRatio=1",
            "-XX:SurvivorRatio=4",
            "-XX:+UnlockExperimentalVMOptions",
            "-XX:+UseCompactObjectHeaders"),
    REWARD_TRAINER("reward-trainer", 2, "1g"),
    POLICY_TRAINER("policy-trainer", 3, "1g"),
    SAMPLE_SERVICE("sample-service", 4, "512m");

    private final String label;
    private final int portOffset;
    private final String heap;
    private final List<String> flags;

    Application(String label, int portOffset, String heap, String... flags) {
        this.label = label;
        this.portOffset = portOffset;
        this.heap = heap;
        this.flags = List.of(flags);
    }

    /** Name of its module, its log and its pid file. */
    public String label() {
        return label;
    }

    /** Its port is the first port plus this. */
    public int portOffset() {
        return portOffset;
    }

    /** Of its Java process: heap, collector, and what its libraries need. */
    public List<String> jvmFlags() {
        List<String> all = new ArrayList<>(List.of("-Xmx" + heap, "-XX:+UseSerialGC"));
        all.addAll(flags);
        all.addAll(List.of(
                "-XX:+ExitOnOutOfMemoryError",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dai.djl.offline=true"));
        return all;
    }
}
