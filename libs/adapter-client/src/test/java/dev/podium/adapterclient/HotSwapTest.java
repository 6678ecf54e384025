package dev.podium.adapterclient;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HotSwapTest {
    private static final class Loaded implements AutoCloseable {
        private boolean closed;

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
