package dev.podium.local.chaos;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A small file system of its own (tmpfs), which only root may mount; it can be filled to the last byte. */
final class SmallDisk implements AutoCloseable {
    private static final String NAME = "podium-chaos";
    private static final int SIZE_MB = 256;
    private static final int BLOCK_BYTES = 256 * 1024;

    private final Path folder;

    private SmallDisk(Path folder) {
        this.folder = folder;
    }

    /** Mounts a disk on the folder. */
    static SmallDisk mount(Path folder) throws IOException {
        Files.createDirectories(folder);
        run("mount", "-t", "tmpfs", "-o", "size=" + SIZE_MB + "m", NAME, folder.toString());
        return new SmallDisk(folder);
    }

    /** Unmounts what a run that was killed has left below a folder. */
    static void unmountLeftovers(Path below) throws IOException {
        Path mounts = Path.of("/proc/mounts");
        if (!Files.isReadable(mounts)) {
            return;
        }
        for (String line : Files.readAllLines(mounts)) {
            String[] words = line.split(" ");
            if (words.length > 1 && words[0].equals(NAME) && Path.of(words[1]).startsWith(below)) {
                run("umount", "-l", words[1]);
            }
        }
    }

    /** Takes what space is left. */
    void fill() throws IOException {
        try (OutputStream out = Files.newOutputStream(ballast())) {
            for (int block = BLOCK_BYTES; block >= 1; block /= 2) {
                writeUntilFull(out, new byte[block]);
            }
        }
    }

    private static void writeUntilFull(OutputStream out, byte[] block) {
        try {
            while (true) {
                out.write(block);
            }
        } catch (IOException full) {
            // That is what was wanted; smaller blocks take the rest.
            return;
        }
    }

    /** Gives the space back. */
    void free() throws IOException {
        Files.deleteIfExists(ballast());
    }

    @Override
    public void close() throws IOException {
        run("umount", "-l", folder.toString());
    }

    private Path ballast() {
        return folder.resolve("ballast");
    }

    private static void run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        try {
            if (process.waitFor() != 0) {
                throw new IOException(command[0] + " failed: " + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
