package dev.podium.contracts;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import com.fasterxml.jackson.module.blackbird.BlackbirdModule;
import java.io.IOException;

/**
 * The one JSON form of events: readers ignore unknown fields (backward compatible), absent optionals are left out,
 * times are ISO-8601, map keys are sorted so that equal events are equal bytes.
 */
public final class EventJson {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .addModule(new JavaTimeModule())
            .addModule(new Jdk8Module())
            // Calls constructors and accessors without reflection: a third less time for an event.
            .addModule(new BlackbirdModule())
            .addModule(InstantJson.module())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .serializationInclusion(com.fasterxml.jackson.annotation.JsonInclude.Include.NON_ABSENT)
            .build();

    private EventJson() {}

    /**
     * The one mapper, which nobody may change. An edge that needs other strictness makes a copy, and keeps it: a copy
     * learns each type anew, and what it has learnt stays loaded.
     */
    public static ObjectMapper mapper() {
        return MAPPER;
    }

    public static byte[] write(Object event) {
        try {
            return MAPPER.writeValueAsBytes(event);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    "cannot write " + event.getClass().getSimpleName() + " as JSON", e);
        }
    }

    public static String writeText(Object event) {
        return new String(write(event), java.nio.charset.StandardCharsets.UTF_8);
    }

    /** @throws InvalidEventException when the bytes are no valid event of the type; says what is wrong */
    public static <T> T read(byte[] json, Class<T> type) throws InvalidEventException {
        if (type == RankingEvent.class) {
            RankingEvent ranking = RankingJson.read(json);
            if (ranking != null) {
                return type.cast(ranking);
            }
        }
        try {
            T event = MAPPER.readValue(json, type);
            if (event == null) {
                throw new InvalidEventException("the value is JSON null, not a " + type.getSimpleName(), null);
            }
            return event;
        } catch (IOException e) {
            throw new InvalidEventException("not a valid " + type.getSimpleName() + ": " + firstLine(e), e);
        }
    }

    /** Any JSON as a tree. */
    public static JsonNode tree(byte[] json) throws InvalidEventException {
        try {
            return MAPPER.readTree(json);
        } catch (IOException e) {
            throw new InvalidEventException("not valid JSON: " + firstLine(e), e);
        }
    }

    private static String firstLine(IOException e) {
        String message = e.getMessage() == null ? e.toString() : e.getMessage();
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }
}
