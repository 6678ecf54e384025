package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.DeadLetterHeaders;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/** Makes dead letters: the record as it came, and why and from where. */
final class DeadLetters {
    /** Largest value that travels on; a larger one stays in the log it came from. */
    static final int MAX_VALUE_BYTES = 3 * 1024 * 1024;

    private static final int MAX_KEY_BYTES = 64 * 1024;
    private static final int MAX_HEADERS_BYTES = 256 * 1024;
    private static final int MAX_MESSAGE_LENGTH = 1000;

    private DeadLetters() {}

    static Record<byte[], byte[]> of(
            Record<byte[], byte[]> record, RejectedRecord why, String topic, int partition, long offset) {
        RecordHeaders headers = new RecordHeaders();
        long headerBytes = 0;
        for (Header header : record.headers()) {
            headerBytes += header.key().length() + size(header.value());
            if (headerBytes <= MAX_HEADERS_BYTES) {
                headers.add(header);
            }
        }
        boolean keyFits = size(record.key()) <= MAX_KEY_BYTES;
        boolean valueFits = size(record.value()) <= MAX_VALUE_BYTES;
        String message = why.getMessage() == null ? "" : why.getMessage();
        String cut = message.length() <= MAX_MESSAGE_LENGTH ? message : message.substring(0, MAX_MESSAGE_LENGTH);
        headers.add(DeadLetterHeaders.REASON, bytes(why.reason()));
        headers.add(
                DeadLetterHeaders.MESSAGE,
                bytes(keyFits && valueFits ? cut : cut + "; too large to be copied, read it at the origin"));
        headers.add(DeadLetterHeaders.TOPIC, bytes(topic));
        headers.add(DeadLetterHeaders.PARTITION, bytes(Integer.toString(partition)));
        headers.add(DeadLetterHeaders.OFFSET, bytes(Long.toString(offset)));
        return new Record<>(
                keyFits ? record.key() : new byte[0],
                valueFits ? record.value() : new byte[0],
                record.timestamp(),
                headers);
    }

    private static int size(byte @Nullable [] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }
}
