package dev.podium.contracts;

import java.time.Instant;
import java.util.Optional;

/**
 * What a service instance runs now, or why it refused. Value of {@link Topics#ADAPTER_LOADS}; key = instance id.
 *
 * @param runningVersion what answers requests after this report; absent: the base model
 * @param requestedVersion what the channel asked for
 * @param swapMillis from the pointer's arrival to the swap
 * @param problem why it was refused
 */
public record AdapterLoad(
        String instanceId,
        String projectId,
        String channel,
        Status status,
        Optional<String> requestedVersion,
        Optional<String> runningVersion,
        long sequence,
        long swapMillis,
        Optional<String> problem,
        Instant at) {
    public AdapterLoad {
        Require.text(instanceId, "instanceId");
        Require.text(projectId, "projectId");
        Require.text(channel, "channel");
        Require.present(status, "status");
        requestedVersion = requestedVersion == null ? Optional.empty() : requestedVersion;
        runningVersion = runningVersion == null ? Optional.empty() : runningVersion;
        problem = problem == null ? Optional.empty() : problem;
        Require.present(at, "at");
    }

    /** Outcome of following a pointer. */
    public enum Status {
        LOADED,
        REFUSED
    }
}
