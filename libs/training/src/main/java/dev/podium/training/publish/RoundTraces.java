package dev.podium.training.publish;

import dev.podium.contracts.TraceParent;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What caused each round at hand; its events, samples and manifest hand that on. May be used by several threads. */
public final class RoundTraces {
    private final Map<String, TraceParent> byRound = new ConcurrentHashMap<>();

    /** Events of this round hand on this trace from now on. */
    public void put(String roundId, TraceParent trace) {
        byRound.put(roundId, trace);
    }

    /** The trace of a round; empty where its command had none. */
    public Optional<TraceParent> of(String roundId) {
        return Optional.ofNullable(byRound.get(roundId));
    }

    /** The round has ended here. */
    public void forget(String roundId) {
        byRound.remove(roundId);
    }
}
