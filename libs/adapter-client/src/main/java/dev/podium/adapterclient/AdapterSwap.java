package dev.podium.adapterclient;

import java.util.Optional;

/** The service's side: makes an adapter answer requests. Called on the client's thread, one call at a time. */
public interface AdapterSwap {
    /**
     * Swaps. When this returns, the next request is answered by the adapter; when it throws, the service still answers
     * with what it had, and the load is reported as refused.
     *
     * @param adapter verified; empty: the base model without an adapter
     */
    void swap(Optional<ServedAdapter> adapter) throws Exception;
}
