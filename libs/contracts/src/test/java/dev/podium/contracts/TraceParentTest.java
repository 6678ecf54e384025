package dev.podium.contracts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TraceParentTest {
    private static final String EXAMPLE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    @Test
    void theExampleOfTheSpecificationIsReadAndWritten() {
        TraceParent read = TraceParent.parse(EXAMPLE).orElseThrow();

        assertEquals("4bf92f3577b34da6a3ce929d0e0e4736", read.traceId());
        assertEquals("00f067aa0ba902b7", read.spanId());
        assertEquals(EXAMPLE, read.toString());
    }

    @Test
    void aTraceThatBeginsHereIsReadableAndItsOwn() {
        TraceParent one = TraceParent.begin();

        assertEquals(Optional.of(one), TraceParent.parse(one.toString()));
        assertNotEquals(one.traceId(), TraceParent.begin().traceId());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nonsense",
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-\r\nX: y"
            })
    void whatIsNoTraceParentIsNotHandedOn(String header) {
        assertEquals(Optional.empty(), TraceParent.parse(header));
    }
}
