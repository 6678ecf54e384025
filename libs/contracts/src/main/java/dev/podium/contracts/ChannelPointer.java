package dev.podium.contracts;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Optional;

/**
 * A named pointer to an adapter version. Value of {@link Topics#CHANNELS}; key = project/channel.
 *
 * @param version absent: the base model without an adapter
 * @param canary a version that a share of the instances or of the requests tries
 * @param sequence grows by one per change; readers ignore a pointer that is not newer than what they have
 */
public record ChannelPointer(
        String projectId,
        String channel,
        Optional<String> version,
        long sequence,
        String changedBy,
        Optional<String> reason,
        Instant at,
        Optional<Canary> canary) {
    private static final int BUCKETS = 10_000;

    /** A pointer for all. */
    public ChannelPointer(
            String projectId,
            String channel,
            Optional<String> version,
            long sequence,
            String changedBy,
            Optional<String> reason,
            Instant at) {
        this(projectId, channel, version, sequence, changedBy, reason, at, Optional.empty());
    }

    public ChannelPointer {
        Require.text(projectId, "projectId");
        Require.text(channel, "channel");
        version = version == null ? Optional.empty() : version;
        Require.that(sequence >= 1, "sequence must be 1 or more");
        Require.text(changedBy, "changedBy");
        reason = reason == null ? Optional.empty() : reason;
        Require.present(at, "at");
        canary = canary == null ? Optional.empty() : canary;
    }

    /**
     * A version on trial.
     *
     * @param percent of the instances or requests, above 0 and at most 100
     * @param by what the share is a share of
     */
    public record Canary(String version, double percent, By by) {
        public Canary {
            Require.text(version, "canary.version");
            Require.that(percent > 0 && percent <= 100, "canary.percent must be above 0 and at most 100");
            Require.present(by, "canary.by");
        }

        /** What a share is a share of. */
        public enum By {
            /** An instance runs the one or the other. */
            INSTANCES,
            /** Every instance holds both, and a request goes to the one or the other. */
            REQUESTS
        }
    }

    /**
     * Whether an instance, or a request, belongs to the canary's share. A function of the id alone: who is in stays in
     * while the share grows.
     *
     * @param id of the instance, or of what a request belongs to (a conversation, a user)
     */
    public boolean isInCanary(String id) {
        if (canary.isEmpty()) {
            return false;
        }
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256")
                    .digest((key(projectId, channel) + "\n" + id).getBytes(StandardCharsets.UTF_8));
            long bucket = Integer.toUnsignedLong(ByteBuffer.wrap(hash).getInt()) % BUCKETS;
            return bucket < canary.get().percent() * (BUCKETS / 100.0);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    public static String key(String projectId, String channel) {
        return projectId + "/" + channel;
    }
}
