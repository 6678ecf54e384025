package dev.podium.adapterclient;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An {@link AdapterSwap} for services that hold an adapter in their own memory: requests that began with the old adapter
 * end with it, and it is closed when the last of them has.
 *
 * @param <T> the service's form of an adapter, e.g. tensors on a device
 */
public final class HotSwap<T extends AutoCloseable> implements AdapterSwap, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HotSwap.class);

    private final Loader<T> loader;
    private volatile Slot<T> current = new Slot<>(Optional.empty(), Optional.empty());

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
        Optional<T> loaded = Optional.empty();
        if (adapter.isPresent()) {
            loaded = Optional.of(loader.load(adapter.get()));
        }
        Slot<T> before = current;
        current = new Slot<>(adapter.map(ServedAdapter::version), loaded);
        before.release();
    }

    /** Takes what answers now; it stays open until the lease is closed. */
    public Lease<T> lease() {
        while (true) {
            Slot<T> slot = current;
            if (slot.retain()) {
                return new Lease<>(slot);
            }
        }
    }

    /** Ends: the adapter is closed when the last request has been answered; then the base model answers. */
    @Override
    public void close() throws Exception {
        swap(Optional.empty());
    }

    private static final class Slot<T extends AutoCloseable> {
        private final Optional<String> version;
        private final Optional<T> loaded;
        // One for being the current slot, one per lease; at 0 it is closed and never comes back.
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
