package dev.podium.adapterclient;

import dev.podium.contracts.ChannelPointer;
import java.util.Optional;

/** Puts an adapter in use. Called by the client's thread alone, one call at a time. */
public interface AdapterSwap {
    /**
     * Makes all requests that begin from now on use the adapter. When it throws, the service still answers with what it
     * had: the load is reported as refused, or, after an {@link java.io.IOException}, tried again later.
     *
     * @param adapter verified; empty: the base model without an adapter
     */
    void swap(Optional<ServedAdapter> adapter) throws Exception;

    /**
     * Takes a version on trial beside the one in use, for a share of the requests; or ends the trial. Called after
     * {@link #swap}. {@link HotSwap} does it; a service that holds one adapter at a time cannot, and needs not: its
     * channel's canaries are shares of the instances.
     *
     * @param trial empty: all requests go to the adapter in use
     */
    default void trial(Optional<Trial> trial) throws Exception {
        if (trial.isPresent()) {
            throw new UnsupportedOperationException(
                    "this service holds one adapter at a time and cannot give a share of"
                            + " its requests to a canary; make it a share of the instances");
        }
    }

    /**
     * A version on trial.
     *
     * @param pointer says which requests are its share
     */
    record Trial(ServedAdapter adapter, ChannelPointer pointer) {
        /** Whether a request, known by what it belongs to (a conversation, a user), goes to the canary. */
        public boolean takes(String id) {
            return pointer.isInCanary(id);
        }
    }
}
