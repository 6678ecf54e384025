package dev.podium.training.checkpoint;

import ai.djl.ndarray.NDArray;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.Operations;
import dev.podium.llm.torch.Transfer;
import dev.podium.training.loop.LossCurve;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest state of a round on disk: trained parameters, optimiser, loss curve and the number of steps done. Schedule,
 * order of the data and random numbers are functions of the round's seed and that number, so nothing else is needed to go
 * on bit by bit as if nothing had happened.
 *
 * <p>One file, written aside, forced to disk and renamed: a kill at any moment leaves the former or the new one whole.
 * Layout: count of numbers, (name, value) each; count of tensors, (name, length, float32 values) each; CRC-32 of it all.
 */
public final class Checkpoints {
    private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);
    private static final String FILE = "checkpoint.bin";
    private static final String STEP = "step";
    private static final int MAGIC = 0x504f4431;

    private final Path folder;

    public Checkpoints(Path folder) {
        this.folder = folder;
    }

    /** Replaces the checkpoint. */
    public void save(int step, List<NamedParameter> parameters, List<AdamW> optimizers, LossCurve curve) {
        Map<String, Double> numbers = new TreeMap<>(curve.state());
        numbers.put(STEP, (double) step);
        SortedMap<String, NDArray> tensors = tensors(parameters, optimizers);
        try {
            Files.createDirectories(folder);
            Path aside = folder.resolve(FILE + ".tmp");
            try (FileChannel channel = FileChannel.open(
                    aside, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
                write(channel, numbers, tensors);
                channel.force(true);
            }
            Files.move(
                    aside, folder.resolve(FILE), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write a checkpoint in " + folder, e);
        }
    }

    /**
     * Takes up the checkpoint where there is one.
     *
     * @return steps done, 0 for a fresh start
     */
    public int resume(List<NamedParameter> parameters, List<AdamW> optimizers, LossCurve curve) {
        Path file = folder.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return 0;
        }
        Map<String, Double> numbers = new TreeMap<>();
        SortedMap<String, NDArray> wanted = tensors(parameters, optimizers);
        try {
            // Twice: nothing is overwritten by a file that turns out to be damaged.
            Map<String, Integer> found = new TreeMap<>();
            read(file, numbers, found::put, (name, in) -> in.skip());
            for (Map.Entry<String, NDArray> tensor : wanted.entrySet()) {
                Integer length = found.get(tensor.getKey());
                if (length == null || length != tensor.getValue().size()) {
                    throw new IllegalStateException("the checkpoint " + file + " does not fit: " + tensor.getKey());
                }
            }
            // A round that trains nothing keeps numbers alone.
            if (!optimizers.isEmpty()) {
                Operations operations = optimizers.getFirst().operations();
                read(file, new TreeMap<>(), (name, length) -> {}, (name, in) -> {
                    NDArray array = wanted.get(name);
                    if (array == null) {
                        in.skip();
                    } else {
                        Transfer.write(array, operations, in::next);
                    }
                });
            }
        } catch (IOException e) {
            LOG.warn("the checkpoint {} cannot be read; the round starts over", file, e);
            return 0;
        }
        curve.restore(numbers);
        int step = (int) (double) numbers.getOrDefault(STEP, 0.0);
        LOG.info("resumed from the checkpoint at step {}", step);
        return step;
    }

    /** What is kept, by the name in the file. */
    private static SortedMap<String, NDArray> tensors(List<NamedParameter> parameters, List<AdamW> optimizers) {
        SortedMap<String, NDArray> tensors = new TreeMap<>();
        parameters.forEach(p -> tensors.put("parameter/" + p.name(), p.array()));
        for (int i = 0; i < optimizers.size(); i++) {
            String prefix = "optimizer" + i + "/";
            optimizers.get(i).state().forEach(each -> tensors.put(prefix + each.name(), each.array()));
        }
        return tensors;
    }

    private static void write(FileChannel channel, Map<String, Double> numbers, SortedMap<String, NDArray> tensors)
            throws IOException {
        CheckedOutputStream checked = new CheckedOutputStream(
                new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16), new CRC32());
        DataOutputStream out = new DataOutputStream(checked);
        out.writeInt(MAGIC);
        out.writeInt(numbers.size());
        for (Map.Entry<String, Double> number : numbers.entrySet()) {
            out.writeUTF(number.getKey());
            out.writeDouble(number.getValue());
        }
        out.writeInt(tensors.size());
        for (Map.Entry<String, NDArray> tensor : tensors.entrySet()) {
            out.writeUTF(tensor.getKey());
            out.writeInt(Math.toIntExact(tensor.getValue().size()));
            Transfer.read(tensor.getValue(), values -> {
                ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * values.length);
                bytes.asFloatBuffer().put(values);
                out.write(bytes.array());
            });
        }
        out.writeLong(checked.getChecksum().getValue());
        out.flush();
    }

    /** Is told of each tensor before its values. */
    private interface Header {
        void found(String name, int length);
    }

    /** Takes the values of a tensor, all of them. */
    private interface Body {
        void read(String name, Floats in) throws IOException;
    }

    /** The values of one tensor in the file. */
    private static final class Floats {
        private final DataInputStream in;
        private int left;

        Floats(DataInputStream in, int length) {
            this.in = in;
            this.left = length;
        }

        float[] next(int count) throws IOException {
            byte[] bytes = in.readNBytes(Float.BYTES * count);
            if (bytes.length != Float.BYTES * count) {
                throw new IOException("the file ends early");
            }
            left -= count;
            float[] values = new float[count];
            ByteBuffer.wrap(bytes).asFloatBuffer().get(values);
            return values;
        }

        void skip() throws IOException {
            while (left > 0) {
                next(Math.min(left, 1 << 20));
            }
        }
    }

    private static void read(Path file, Map<String, Double> numbers, Header header, Body body) throws IOException {
        try (CheckedInputStream checked = new CheckedInputStream(
                        new java.io.BufferedInputStream(Files.newInputStream(file), 1 << 16), new CRC32());
                DataInputStream in = new DataInputStream(checked)) {
            if (in.readInt() != MAGIC) {
                throw new IOException("not a checkpoint");
            }
            int count = in.readInt();
            for (int i = 0; i < count; i++) {
                numbers.put(in.readUTF(), in.readDouble());
            }
            count = in.readInt();
            for (int i = 0; i < count; i++) {
                String name = in.readUTF();
                int length = in.readInt();
                if (length < 0 || length > Files.size(file) / Float.BYTES) {
                    throw new IOException("tensor " + name + " is longer than the file");
                }
                header.found(name, length);
                body.read(name, new Floats(in, length));
            }
            long expected = checked.getChecksum().getValue();
            if (in.readLong() != expected) {
                throw new IOException("the checksum is wrong");
            }
        }
    }
}
