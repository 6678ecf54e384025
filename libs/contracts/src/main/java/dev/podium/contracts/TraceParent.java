package dev.podium.contracts;

import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The {@code traceparent} of an event: what caused it, as W3C Trace Context writes it. Events hand it on from a request
 * to what follows from it, so that one trace id leads through all topics, whether or not spans are exported.
 *
 * @param traceId 32 hex digits, not all zero
 * @param spanId 16 hex digits, not all zero
 * @param sampled whether the caller records this trace
 * @see <a href="https://www.w3.org/TR/trace-context/#traceparent-header">W3C Trace Context, traceparent</a>
 */
public record TraceParent(String traceId, String spanId, boolean sampled) {
    private static final Pattern VERSION_0 = Pattern.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})");

    public TraceParent {
        Require.that(traceId.matches("[0-9a-f]{32}") && !traceId.matches("0+"), "traceId is not 32 hex digits");
        Require.that(spanId.matches("[0-9a-f]{16}") && !spanId.matches("0+"), "spanId is not 16 hex digits");
    }

    /** A trace that begins here. */
    public static TraceParent begin() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        // The lowest bit is set, so that no id is all zero.
        return new TraceParent(hex(random.nextLong()) + hex(random.nextLong() | 1), hex(random.nextLong() | 1), false);
    }

    /** Reads a header; empty where there is none or it is not a traceparent of version 00. */
    public static Optional<TraceParent> parse(@Nullable String header) {
        if (header == null) {
            return Optional.empty();
        }
        Matcher parts = VERSION_0.matcher(header.strip());
        if (!parts.matches() || parts.group(1).matches("0+") || parts.group(2).matches("0+")) {
            return Optional.empty();
        }
        boolean sampled = (Integer.parseInt(parts.group(3), 16) & 1) == 1;
        return Optional.of(new TraceParent(parts.group(1), parts.group(2), sampled));
    }

    /** As the header has it. */
    @Override
    public String toString() {
        return "00-" + traceId + "-" + spanId + (sampled ? "-01" : "-00");
    }

    private static String hex(long value) {
        return String.format(Locale.ROOT, "%016x", value);
    }
}
