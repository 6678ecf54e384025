package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;

/** Keys and values of past positions, one array {@code [rows, keyValueHeads, capacity, headSize]} each per layer. */
final class KvCache implements AutoCloseable {
    private final NDManager manager;
    private final List<NDArray> keys = new ArrayList<>();
    private final List<NDArray> values = new ArrayList<>();

    KvCache(NDManager manager) {
        this.manager = manager;
    }

    NDManager manager() {
        return manager;
    }

    void add(NDArray key, NDArray value) {
        keys.add(key);
        values.add(value);
    }

    NDArray key(int layer) {
        return keys.get(layer);
    }

    NDArray value(int layer) {
        return values.get(layer);
    }

    @Override
    public void close() {
        manager.close();
    }
}
