package dev.podium.contracts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ChannelPointerTest {
    @Test
    void theShareOfACanaryIsTheShareOfTheIds() {
        long in = IntStream.range(0, 20_000)
                .filter(i -> canary(10).isInCanary("instance-" + i))
                .count();
        // Four deviations of a fair draw.
        assertEquals(2_000, in, 170);
    }

    @Test
    void whoIsInStaysInWhileTheShareGrows() {
        for (int i = 0; i < 2_000; i++) {
            String id = "instance-" + i;
            assertFalse(canary(5).isInCanary(id) && !canary(20).isInCanary(id), id);
            assertTrue(canary(100).isInCanary(id), id);
        }
    }

    @Test
    void withoutACanaryNobodyIsIn() {
        ChannelPointer plain =
                new ChannelPointer("p", "c", Optional.of("v1"), 1, "op", Optional.empty(), Instant.EPOCH);
        assertFalse(plain.isInCanary("instance-1"));
    }

    private static ChannelPointer canary(double percent) {
        return new ChannelPointer(
                "p",
                "c",
                Optional.of("v1"),
                2,
                "op",
                Optional.empty(),
                Instant.EPOCH,
                Optional.of(new ChannelPointer.Canary("v2", percent, ChannelPointer.Canary.By.INSTANCES)));
    }
}
