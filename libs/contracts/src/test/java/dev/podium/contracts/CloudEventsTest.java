package dev.podium.contracts;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;

class CloudEventsTest {
    private static final Instant NOON = Instant.parse("2026-11-01T12:00:00Z");

    @Test
    void headersAreTheAttributesOfBinaryMode() {
        RecordHeaders headers = CloudEvents.headers("e-1", "/feedback-api", "dev.podium.Task.v1", "t-1", NOON, null);

        assertEquals(
                List.of("ce_id", "ce_source", "ce_specversion", "ce_subject", "ce_time", "ce_type", "content-type"),
                Stream.of(headers.toArray()).map(Header::key).sorted().toList());
        assertEquals(Optional.of("e-1"), CloudEvents.text(headers, CloudEvents.ID));
        assertEquals(Optional.of("/feedback-api"), CloudEvents.text(headers, CloudEvents.SOURCE));
        assertEquals(Optional.of("1.0"), CloudEvents.text(headers, CloudEvents.SPEC_VERSION));
        assertEquals(Optional.of("2026-11-01T12:00:00Z"), CloudEvents.text(headers, CloudEvents.TIME));
        assertEquals(Optional.of("application/json"), CloudEvents.text(headers, CloudEvents.CONTENT_TYPE));
    }

    @Test
    void theTraceOfTheCauseIsHandedOn() {
        RecordHeaders with = CloudEvents.headers("e", "/s", "t.v1", "s", NOON, "00-4bf9-00f0-01");
        RecordHeaders without = CloudEvents.headers("e", "/s", "t.v1", "s", NOON, null);

        assertEquals(Optional.of("00-4bf9-00f0-01"), CloudEvents.text(with, "traceparent"));
        assertNull(without.lastHeader("traceparent"));
    }

    @Test
    void everyTypeNamesItsMajorVersion() {
        var event = new RoundEvent.Accepted("r", "p", "reward-trainer", NOON);

        assertEquals("dev.podium.Accepted.v1", CloudEvents.type(event));
        assertEquals(Optional.of(1), CloudEvents.majorVersion(CloudEvents.type(event)));
        assertEquals(Optional.of(12), CloudEvents.majorVersion("dev.podium.Task.v12"));
        assertEquals(Optional.empty(), CloudEvents.majorVersion("dev.podium.Task"));
        assertEquals(Optional.empty(), CloudEvents.majorVersion("dev.podium.Task.vX"));
    }

    @Test
    void onlyATypeOfAnotherMajorVersionIsRefused() {
        for (String known : List.of("dev.podium.Task.v1", "t.v1", ".v1", "t.v2.v1", "t.v01")) {
            assertEquals(Optional.empty(), CloudEvents.otherVersion(ofType(known), 1), known);
        }
        for (String other : List.of("dev.podium.Task.v2", "t.v11", "t.v1.v2", "t.v", "v1", "t1", "", "t.v1x")) {
            assertEquals(Optional.of(other), CloudEvents.otherVersion(ofType(other), 1), other);
        }
        assertEquals(Optional.empty(), CloudEvents.otherVersion(ofType("t.v12"), 12));
        assertEquals(Optional.empty(), CloudEvents.otherVersion(new RecordHeaders(), 1));
        assertEquals(Optional.empty(), CloudEvents.otherVersion(new RecordHeaders().add(CloudEvents.TYPE, null), 1));
    }

    private static Headers ofType(String type) {
        return new RecordHeaders().add(CloudEvents.TYPE, type.getBytes(UTF_8));
    }

    @Test
    void aMissingHeaderOrOneWithoutAValueIsEmpty() {
        RecordHeaders headers = new RecordHeaders();
        headers.add("empty", null);

        assertEquals(Optional.empty(), CloudEvents.text(headers, "empty"));
        assertEquals(Optional.empty(), CloudEvents.text(headers, "missing"));
    }
}
