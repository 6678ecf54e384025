package dev.podium.contracts;

import java.time.Instant;
import java.util.Optional;

/**
 * A named pointer to an adapter version. Value of {@link Topics#CHANNELS}; key = project/channel.
 *
 * @param version absent: the base model without an adapter
 * @param sequence grows by one per change; readers ignore a pointer that is not newer than what they have
 */
public record ChannelPointer(
        String projectId,
        String channel,
        Optional<String> version,
        long sequence,
        String changedBy,
        Optional<String> reason,
        Instant at) {
    public ChannelPointer {
        Require.text(projectId, "projectId");
        Require.text(channel, "channel");
        version = version == null ? Optional.empty() : version;
        Require.that(sequence >= 1, "sequence must be 1 or more");
        Require.text(changedBy, "changedBy");
        reason = reason == null ? Optional.empty() : reason;
        Require.present(at, "at");
    }

    public static String key(String projectId, String channel) {
        return projectId + "/" + channel;
    }
}
