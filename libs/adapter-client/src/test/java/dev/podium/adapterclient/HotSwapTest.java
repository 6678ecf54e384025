package dev.podium.adapterclient;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class HotSwapTest {
    private static final class Loaded implements AutoCloseable {
        private volatile boolean closed;

        @Override
        public void close() {
            closed = true;
        }
    }

    @Test
    void requestThatBeganWithAnAdapterEndsWithIt() throws Exception {
        HotSwap<Loaded> swap = new HotSwap<>(adapter -> new Loaded());
        swap.swap(Optional.of(served("v1")));
        HotSwap.Lease<Loaded> request = swap.lease();

        swap.swap(Optional.of(served("v2")));

        assertEquals(Optional.of("v1"), request.version());
        assertFalse(request.adapter().orElseThrow().closed);
        assertEquals(Optional.of("v2"), swap.lease().version());
        request.close();
        assertTrue(request.adapter().orElseThrow().closed);
    }

    @Test
    void adapterThatDoesNotLoadLeavesTheFormerOne() throws Exception {
        HotSwap<Loaded> swap = new HotSwap<>(adapter -> {
            if (adapter.version().equals("v2")) {
                throw new IllegalStateException("damaged");
            }
            return new Loaded();
        });
        swap.swap(Optional.of(served("v1")));

        assertThrows(IllegalStateException.class, () -> swap.swap(Optional.of(served("v2"))));

        try (HotSwap.Lease<Loaded> lease = swap.lease()) {
            assertEquals(Optional.of("v1"), lease.version());
        }
    }

    @Test
    void theBaseModelAnswersBeforeTheFirstAdapter() throws Exception {
        HotSwap<Loaded> swap = new HotSwap<>(adapter -> new Loaded());
        try (HotSwap.Lease<Loaded> lease = swap.lease()) {
            assertEquals(Optional.empty(), lease.adapter());
        }
    }

    /** Eight threads ask without a pause while the adapter is swapped a thousand times. */
    @Test
    void noRequestFailsOrMeetsAClosedAdapterWhileAdaptersAreSwapped() throws Exception {
        List<Loaded> all = new CopyOnWriteArrayList<>();
        HotSwap<Loaded> swap = new HotSwap<>(adapter -> {
            Loaded loaded = new Loaded();
            all.add(loaded);
            return loaded;
        });
        AtomicBoolean swapping = new AtomicBoolean(true);
        AtomicLong answered = new AtomicLong();
        List<Throwable> failures = new CopyOnWriteArrayList<>();
        List<Thread> requests = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            String id = "conversation-" + i;
            requests.add(Thread.ofPlatform().start(() -> {
                try {
                    while (swapping.get()) {
                        try (HotSwap.Lease<Loaded> lease = swap.lease(id)) {
                            boolean open = lease.adapter()
                                    .map(adapter -> !adapter.closed)
                                    .orElse(true);
                            Thread.onSpinWait();
                            if (!open
                                    || lease.adapter()
                                            .map(adapter -> adapter.closed)
                                            .orElse(false)) {
                                throw new AssertionError(lease.version() + " was closed under a request");
                            }
                            answered.incrementAndGet();
                        }
                    }
                } catch (Throwable e) {
                    failures.add(e);
                }
            }));
        }

        for (int i = 0; i < 1_000; i++) {
            swap.swap(i % 10 == 9 ? Optional.empty() : Optional.of(served("v" + i)));
            if (i % 7 == 0) {
                swap.trial(i % 14 == 0 ? Optional.of(trial("t" + i)) : Optional.empty());
            }
        }
        swapping.set(false);
        for (Thread request : requests) {
            request.join();
        }
        swap.close();

        assertEquals(List.of(), failures);
        assertTrue(answered.get() > 1_000, "answered: " + answered);
        assertTrue(all.stream().allMatch(loaded -> loaded.closed), "an adapter stays open");
    }

    private static AdapterSwap.Trial trial(String version) {
        return new AdapterSwap.Trial(
                served(version),
                new ChannelPointer(
                        "p",
                        "c",
                        Optional.empty(),
                        1,
                        "op",
                        Optional.empty(),
                        Instant.EPOCH,
                        Optional.of(new ChannelPointer.Canary(version, 50, ChannelPointer.Canary.By.REQUESTS))));
    }

    private static ServedAdapter served(String version) {
        return new ServedAdapter(
                new AdapterManifest(
                        "p",
                        version,
                        AdapterManifest.Kind.POLICY,
                        "r",
                        RoundKind.DPO,
                        new AdapterManifest.BaseModel("b", "s"),
                        RoundConfig.Dpo.DEFAULT,
                        Optional.of(TinyAdapter.LORA),
                        List.of(new AdapterManifest.ArtifactFile("f", "a".repeat(64), 1, 1)),
                        Optional.empty(),
                        0,
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty(),
                        Map.of(),
                        Instant.EPOCH),
                Path.of("unused"));
    }
}
