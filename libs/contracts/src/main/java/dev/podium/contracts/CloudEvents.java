package dev.podium.contracts;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Instant;
import java.util.Optional;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/**
 * CloudEvents 1.0 in Kafka's binary mode: the attributes are {@code ce_*} headers, the value is the data.
 *
 * @see <a href="https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md">the
 *     Kafka protocol binding</a>
 */
public final class CloudEvents {
    public static final String ID = "ce_id";
    public static final String SOURCE = "ce_source";
    public static final String TYPE = "ce_type";
    public static final String TIME = "ce_time";
    public static final String SUBJECT = "ce_subject";
    public static final String SPEC_VERSION = "ce_specversion";
    public static final String CONTENT_TYPE = "content-type";
    public static final String TRACE_PARENT = "traceparent";

    private static final Header SPEC_VERSION_1 = new RecordHeader(SPEC_VERSION, "1.0".getBytes(UTF_8));
    private static final Header JSON_CONTENT = new RecordHeader(CONTENT_TYPE, "application/json".getBytes(UTF_8));

    private CloudEvents() {}

    /**
     * Headers of one event.
     *
     * @param type e.g. {@code dev.podium.RankingSubmitted.v1}; see {@link #type(Object)}
     * @param source the application, e.g. {@code /feedback-api}
     * @param subject what it is about: task id, round id, ...
     */
    public static RecordHeaders headers(
            String id, String source, String type, String subject, Instant time, @Nullable String traceParent) {
        return headers(id, source, type, subject, time.toString(), traceParent);
    }

    /**
     * The same for who has the time as text already.
     *
     * @param time as {@link Instant#toString()} writes it
     */
    public static RecordHeaders headers(
            String id, String source, String type, String subject, String time, @Nullable String traceParent) {
        RecordHeaders headers = new RecordHeaders();
        add(headers, ID, id);
        add(headers, SOURCE, source);
        add(headers, TYPE, type);
        add(headers, SUBJECT, subject);
        add(headers, TIME, time);
        headers.add(SPEC_VERSION_1);
        headers.add(JSON_CONTENT);
        if (traceParent != null) {
            add(headers, TRACE_PARENT, traceParent);
        }
        return headers;
    }

    /** The type attribute of an event record: {@code dev.podium.NAME.v1}. */
    public static String type(Object event) {
        return "dev.podium." + event.getClass().getSimpleName() + ".v1";
    }

    /** The major version at the end of a type attribute, e.g. 1 for {@code dev.podium.Task.v1}; empty when none. */
    public static Optional<Integer> majorVersion(String type) {
        int at = type.lastIndexOf(".v");
        if (at < 0) {
            return Optional.empty();
        }
        try {
            return Optional.of(Integer.parseInt(type.substring(at + 2)));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** The type of an event that names another major version than the known one; one without the header counts as that. */
    public static Optional<String> otherVersion(Headers headers, int known) {
        Header header = headers.lastHeader(TYPE);
        byte @Nullable [] type = header == null ? null : header.value();
        if (type == null || endsWith(type, known)) {
            return Optional.empty();
        }
        String text = new String(type, UTF_8);
        return majorVersion(text).equals(Optional.of(known)) ? Optional.empty() : Optional.of(text);
    }

    /** Whether the bytes end with a version of one digit, as almost all do: no text is made of them. */
    private static boolean endsWith(byte[] type, int version) {
        int length = type.length;
        return length >= 3 && type[length - 3] == '.' && type[length - 2] == 'v' && type[length - 1] - '0' == version;
    }

    /**
     * Refuses an event whose type names another major version; one without the header counts as the known one.
     *
     * @throws InvalidEventException naming both versions
     */
    public static void requireVersion(Headers headers, int known) throws InvalidEventException {
        Optional<String> other = otherVersion(headers, known);
        if (other.isPresent()) {
            throw new InvalidEventException(
                    "its type is " + other.get() + ", only version " + known + " is known; update this application",
                    null);
        }
    }

    /** The text of a header, if there is one. */
    public static Optional<String> text(Headers headers, String name) {
        Header header = headers.lastHeader(name);
        return header == null || header.value() == null
                ? Optional.empty()
                : Optional.of(new String(header.value(), UTF_8));
    }

    private static void add(RecordHeaders headers, String name, String value) {
        headers.add(name, value.getBytes(UTF_8));
    }
}
