package dev.podium.adapterclient;

import dev.podium.contracts.AdapterLoad;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/** Requests and errors of what runs now; a request that ends after a swap counts for nothing. */
final class TrafficCount {
    private volatile Count count = new Count(Optional.empty(), Optional.empty());

    private record Count(
            Optional<String> running,
            Optional<String> canary,
            LongAdder requests,
            LongAdder errors,
            LongAdder canaryRequests,
            LongAdder canaryErrors) {
        Count(Optional<String> running, Optional<String> canary) {
            this(running, canary, new LongAdder(), new LongAdder(), new LongAdder(), new LongAdder());
        }
    }

    /** Begins from 0. */
    void begin(Optional<String> running, Optional<String> canary) {
        count = new Count(running, canary);
    }

    void request(Optional<String> version, boolean failed) {
        Count now = count;
        if (now.canary.isPresent() && now.canary.equals(version)) {
            now.canaryRequests.increment();
            if (failed) {
                now.canaryErrors.increment();
            }
        } else if (now.running.equals(version)) {
            now.requests.increment();
            if (failed) {
                now.errors.increment();
            }
        }
    }

    /** Empty as long as the service counts nothing. */
    Optional<AdapterLoad.Traffic> now() {
        Count now = count;
        AdapterLoad.Traffic traffic = new AdapterLoad.Traffic(
                now.requests.sum(), now.errors.sum(), now.canaryRequests.sum(), now.canaryErrors.sum());
        return traffic.requests() + traffic.canaryRequests() == 0 ? Optional.empty() : Optional.of(traffic);
    }
}
