package dev.podium.llm.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file of any size whose parts are mapped on demand, little endian. */
final class MappedFile implements AutoCloseable {
    private final FileChannel channel;
    private final long bytes;

    MappedFile(Path path) throws IOException {
        channel = FileChannel.open(path, StandardOpenOption.READ);
        bytes = channel.size();
    }

    long bytes() {
        return bytes;
    }

    /** @param length at most 2 GB */
    ByteBuffer slice(long offset, long length) {
        if (length > Integer.MAX_VALUE) {
            throw new ModelFileException(
                    "a tensor of " + length + " bytes is read at once; more than 2 GB is not supported");
        }
        if (offset < 0 || length < 0 || offset + length > bytes) {
            throw new ModelFileException("bytes " + offset + " to " + (offset + length) + " lie outside the file");
        }
        try {
            return channel.map(FileChannel.MapMode.READ_ONLY, offset, length).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
