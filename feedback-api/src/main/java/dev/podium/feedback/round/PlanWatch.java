package dev.podium.feedback.round;

import dev.podium.contracts.AdapterManifest;
import java.util.Optional;

/** Whoever planned rounds hears how they go, in the transaction in which it is written down. */
public interface PlanWatch {
    /**
     * A planned round has succeeded.
     *
     * @param adapter what it published; empty for SAMPLE
     * @param last whether it was the plan's last
     * @return why the plan must not go on; empty where it may
     */
    Optional<String> succeeded(PlannedRound planned, Optional<AdapterManifest> adapter, boolean last);

    /** A planned round was not started, or did not succeed. */
    void stopped(PlannedRound planned, String why);
}
