package dev.podium.training.track;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.RoundCommand;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * Writes event files for TensorBoard, one folder per round: {@code DIR/PROJECT/VERSION-KIND-ROUND}. The format is
 * TensorFlow's: records of length, masked CRC-32C, bytes, masked CRC-32C; each an {@code Event} message of protocol
 * buffers (tensorflow/core/util/event.proto), of which we need the time, the step and simple values.
 */
public final class TensorBoardTracker implements RoundTracker {
    private final Path dir;
    private final Clock clock;

    /** @param dir what TensorBoard is given as its log directory; made when it is not there */
    public TensorBoardTracker(Path dir) {
        this(dir, Clock.systemUTC());
    }

    TensorBoardTracker(Path dir, Clock clock) {
        this.dir = dir;
        this.clock = clock;
    }

    @Override
    public void started(
            RoundCommand.StartRound command, int resumedFromStep, int totalSteps, Map<String, Double> info) {
        Path file = file(command);
        try {
            Files.createDirectories(file.getParent());
            if (!Files.exists(file)) {
                append(file, message(clock.instant(), 0, "brain.Event:2", Map.of()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write TensorBoard's events in " + dir, e);
        }
    }

    @Override
    public void progress(RoundCommand.StartRound command, int step, Map<String, Double> metrics) {
        try {
            append(file(command), message(clock.instant(), step, "", metrics));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write TensorBoard's events in " + dir, e);
        }
    }

    @Override
    public void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics) {
        if (metrics.isEmpty()) {
            return;
        }
        Map<String, Double> results = new TreeMap<>();
        metrics.forEach((name, value) -> results.put("result/" + name, value));
        progress(command, 0, results);
    }

    private Path file(RoundCommand.StartRound command) {
        String run = command.version() + "-" + command.kind() + "-" + command.roundId();
        return dir.resolve(plain(command.projectId()))
                .resolve(plain(run))
                .resolve("events.out.tfevents.0." + plain(command.roundId()));
    }

    /** A name from outside cannot leave the folder. */
    private static String plain(String name) {
        String safe = name.replaceAll("[^A-Za-z0-9_-]", "_");
        return safe.isEmpty() ? "_" : safe;
    }

    private static void append(Path file, byte[] message) throws IOException {
        ByteBuffer record = ByteBuffer.allocate(16 + message.length).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(message.length);
        record.putInt(maskedCrc(record.array(), 8));
        record.put(message);
        record.putInt(maskedCrc(message, message.length));
        // One write per record: whoever reads at the same time sees it whole or not at all.
        Files.write(file, record.array(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static int maskedCrc(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        int value = (int) crc.getValue();
        return Integer.rotateRight(value, 15) + 0xa282ead8;
    }

    /** An Event: 1 wall_time (double), 2 step (int64), 3 file_version (string), 5 summary. */
    static byte[] message(Instant time, long step, String fileVersion, Map<String, Double> values) {
        ByteArrayOutputStream event = new ByteArrayOutputStream();
        event.write(1 << 3 | 1);
        ByteBuffer wall = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        wall.putDouble(time.getEpochSecond() + time.getNano() / 1e9);
        event.writeBytes(wall.array());
        if (step != 0) {
            event.write(2 << 3);
            varint(event, step);
        }
        if (!fileVersion.isEmpty()) {
            bytes(event, 3, fileVersion.getBytes(UTF_8));
        }
        if (!values.isEmpty()) {
            ByteArrayOutputStream summary = new ByteArrayOutputStream();
            new TreeMap<>(values).forEach((tag, value) -> bytes(summary, 1, value(tag, value)));
            bytes(event, 5, summary.toByteArray());
        }
        return event.toByteArray();
    }

    /** A Summary.Value: 1 tag (string), 2 simple_value (float). */
    private static byte[] value(String tag, double value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        bytes(out, 1, tag.getBytes(UTF_8));
        out.write(2 << 3 | 5);
        out.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat((float) value)
                .array());
        return out.toByteArray();
    }

    private static void bytes(ByteArrayOutputStream out, int field, byte[] content) {
        out.write(field << 3 | 2);
        varint(out, content.length);
        out.writeBytes(content);
    }

    private static void varint(ByteArrayOutputStream out, long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            out.write((int) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        out.write((int) rest);
    }
}
