package dev.podium.training.round;

import java.util.Locale;

/** What keeps a round from doing harm; each action is counted, see docs/operations.md. */
public enum Guard {
    /** A step whose loss or gradient is not finite was skipped. */
    NON_FINITE,
    /** A step whose loss or gradient is far above what is usual in the round was skipped. */
    SPIKE,
    /** A gradient was scaled down to {@code training.maxGradientNorm}. */
    CLIP,
    /** PPO's passes over a batch ended early, the policy having moved further than {@code targetKl}. */
    TARGET_KL,
    /** PPO's policy collapsed ({@code maxKl}, or its reward); the round went back to a checkpoint, or failed. */
    MAX_KL,
    /** A result was not published, see {@code training.publishIf}. */
    EVALUATION;

    /** As metrics name it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
