package dev.podium.adapterclient;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An {@link AdapterSwap} for services that hold adapters in their own memory: requests that began with the old adapter end
 * with it, and it is closed when the last of them has.
 *
 * @param <T> the service's form of an adapter, e.g. tensors on a device
 */
public final class HotSwap<T extends AutoCloseable> implements AdapterSwap, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HotSwap.class);

    private final Loader<T> loader;
    private volatile Answering<T> current =
            new Answering<>(new Slot<>(Optional.empty(), Optional.empty()), Optional.empty(), Optional.empty());

    /** @param loader reads an adapter's folder; called before the swap, so that requests never wait for it */
    public HotSwap(Loader<T> loader) {
        this.loader = loader;
    }

    /** Reads an adapter into memory. */
    public interface Loader<T> {
        T load(ServedAdapter adapter) throws Exception;
    }

    /** What one request is answered with; to be closed when it is answered. */
    public static final class Lease<T extends AutoCloseable> implements AutoCloseable {
        private final Slot<T> slot;
        private boolean closed;

        private Lease(Slot<T> slot) {
            this.slot = slot;
        }

        /** Empty: the base model. */
        public Optional<T> adapter() {
            return slot.loaded;
        }

        /** Empty: the base model. */
        public Optional<String> version() {
            return slot.version;
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                slot.release();
            }
        }
    }

    @Override
    public synchronized void swap(Optional<ServedAdapter> adapter) throws Exception {
        Slot<T> next = slot(adapter);
        Answering<T> before = current;
        current = new Answering<>(next, before.canary, before.trial);
        before.stable.release();
    }

    @Override
    public synchronized void trial(Optional<Trial> trial) throws Exception {
        Answering<T> before = current;
        Optional<String> version = trial.map(each -> each.adapter().version());
        if (before.canary.isPresent()
                && before.canary.get().version.equals(version)
                && before.trial
                        .map(each -> each.adapter().folder())
                        .equals(trial.map(each -> each.adapter().folder()))) {
            // Only the share has changed.
            current = new Answering<>(before.stable, before.canary, trial);
            return;
        }
        Optional<Slot<T>> next = trial.isPresent() ? Optional.of(slot(trial.map(Trial::adapter))) : Optional.empty();
        current = new Answering<>(before.stable, next, trial);
        before.canary.ifPresent(Slot::release);
    }

    private Slot<T> slot(Optional<ServedAdapter> adapter) throws Exception {
        Optional<T> loaded = Optional.empty();
        if (adapter.isPresent()) {
            loaded = Optional.of(loader.load(adapter.get()));
        }
        return new Slot<>(adapter.map(ServedAdapter::version), loaded);
    }

    /** Takes what answers now, without regard to a canary; it stays open until the lease is closed. */
    public Lease<T> lease() {
        while (true) {
            Slot<T> slot = current.stable;
            if (slot.retain()) {
                return new Lease<>(slot);
            }
        }
    }

    /**
     * Takes what answers a request: the canary when the request is of its share.
     *
     * @param id of what the request belongs to (a conversation, a user): the same id gets the same version as long as the
     *     share does not shrink
     */
    public Lease<T> lease(String id) {
        while (true) {
            Answering<T> now = current;
            Slot<T> slot = now.trial.isPresent()
                            && now.canary.isPresent()
                            && now.trial.get().takes(id)
                    ? now.canary.get()
                    : now.stable;
            if (slot.retain()) {
                return new Lease<>(slot);
            }
        }
    }

    /** Ends: adapters are closed when the last request has been answered; then the base model answers. */
    @Override
    public void close() throws Exception {
        trial(Optional.empty());
        swap(Optional.empty());
    }

    /** What answers, as one value, so that a request never sees half of a change. */
    private record Answering<T extends AutoCloseable>(
            Slot<T> stable, Optional<Slot<T>> canary, Optional<Trial> trial) {}

    private static final class Slot<T extends AutoCloseable> {
        private final Optional<String> version;
        private final Optional<T> loaded;
        // One for being current, one per lease; at 0 it is closed and never comes back.
        private final AtomicInteger holders = new AtomicInteger(1);

        Slot(Optional<String> version, Optional<T> loaded) {
            this.version = version;
            this.loaded = loaded;
        }

        boolean retain() {
            return holders.getAndUpdate(count -> count == 0 ? 0 : count + 1) > 0;
        }

        /** An adapter that does not close is logged only: what answers now is not its affair. */
        void release() {
            if (holders.decrementAndGet() > 0 || loaded.isEmpty()) {
                return;
            }
            try {
                loaded.get().close();
            } catch (Exception e) {
                LOG.warn("{}: it answers no more, but did not close", version.orElse("an adapter"), e);
            }
        }
    }
}
