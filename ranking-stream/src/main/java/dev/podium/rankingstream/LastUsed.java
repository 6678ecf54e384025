package dev.podium.rankingstream;

import java.io.Serial;
import java.util.LinkedHashMap;
import java.util.Map;

/** The entries that were used last, so many of them: what a store has, held as objects. */
final class LastUsed<K, V> extends LinkedHashMap<K, V> {
    @Serial
    private static final long serialVersionUID = 1L;

    private final int most;

    LastUsed(int most) {
        super(256, 0.75f, true);
        this.most = most;
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
        return size() > most;
    }
}
