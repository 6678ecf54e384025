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
 * @param retrying whether the instance tries again by itself, because what it needs does not answer
 * @param traffic how its requests went since it runs what it runs
 * @param reportsEverySeconds the instance reports this often also when nothing has changed, so that its silence says
 *     something; absent: it reports changes alone
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
        Instant at,
        Optional<Boolean> retrying,
        Optional<Traffic> traffic,
        Optional<Long> reportsEverySeconds) {
    /** A report about a swap alone. */
    public AdapterLoad(
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
        this(
                instanceId,
                projectId,
                channel,
                status,
                requestedVersion,
                runningVersion,
                sequence,
                swapMillis,
                problem,
                at,
                Optional.empty(),
                Optional.empty(),
                Optional.empty());
    }

    public AdapterLoad {
        Require.text(instanceId, "instanceId");
        Require.text(projectId, "projectId");
        Require.text(channel, "channel");
        Require.present(status, "status");
        requestedVersion = requestedVersion == null ? Optional.empty() : requestedVersion;
        runningVersion = runningVersion == null ? Optional.empty() : runningVersion;
        problem = problem == null ? Optional.empty() : problem;
        Require.present(at, "at");
        retrying = retrying == null ? Optional.empty() : retrying;
        traffic = traffic == null ? Optional.empty() : traffic;
        reportsEverySeconds = reportsEverySeconds == null ? Optional.empty() : reportsEverySeconds;
        Require.that(reportsEverySeconds.orElse(1L) > 0, "reportsEverySeconds is not positive");
    }

    /** The same of an instance that tries again by itself. */
    public AdapterLoad tryingAgain() {
        return with(at, Optional.of(true), traffic, reportsEverySeconds);
    }

    /** The same at another time, with how requests went until then. */
    public AdapterLoad counting(Optional<Traffic> now, Instant when) {
        return with(when, retrying, now, reportsEverySeconds);
    }

    /** The same of an instance that reports so often also when nothing has changed. */
    public AdapterLoad reportingEvery(long seconds) {
        return with(at, retrying, traffic, Optional.of(seconds));
    }

    private AdapterLoad with(
            Instant when, Optional<Boolean> again, Optional<Traffic> counted, Optional<Long> everySeconds) {
        return new AdapterLoad(
                instanceId,
                projectId,
                channel,
                status,
                requestedVersion,
                runningVersion,
                sequence,
                swapMillis,
                problem,
                when,
                again,
                counted,
                everySeconds);
    }

    /**
     * Requests and errors as the service counts them, of the running version and, where a share of the requests goes to a
     * canary, of that.
     */
    public record Traffic(long requests, long errors, long canaryRequests, long canaryErrors) {
        public Traffic {
            Require.that(
                    requests >= 0 && errors >= 0 && canaryRequests >= 0 && canaryErrors >= 0,
                    "traffic has a negative number");
        }
    }

    /** Outcome of following a pointer. */
    public enum Status {
        LOADED,
        REFUSED
    }
}
