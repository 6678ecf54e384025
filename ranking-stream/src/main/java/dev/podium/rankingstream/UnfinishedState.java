package dev.podium.rankingstream;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the stores of a process that was killed from being used again. RocksDB writes to the disk when it likes, so what
 * a transaction has put into a store may be there although it was never committed: a ranking that is done again would be
 * taken for one that is known, and what follows from it would be lost.
 *
 * <pre>
 *   a task begins its work      its checkpoint goes; Kafka Streams 4.1 leaves it there (KAFKA-20685)
 *   it ends in peace            Kafka Streams writes a checkpoint
 *   a process starts            stores without a checkpoint go, and are made anew from their changelogs
 * </pre>
 */
final class UnfinishedState {
    private static final Logger LOG = Logger.getLogger(UnfinishedState.class);
    private static final String CHECKPOINT = ".checkpoint";
    private static final String LOCK = ".lock";
    private static final String TASKS = "[0-9]*_[0-9]*";

    private UnfinishedState() {}

    /** To be called before a task does its first work. */
    static void begins(ProcessorContext<?, ?> task) {
        Path checkpoint = task.stateDir().toPath().resolve(CHECKPOINT);
        try {
            Files.deleteIfExists(checkpoint);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot delete " + checkpoint, e);
        }
    }

    /**
     * To be called before Kafka Streams starts, which would find such stores one by one while other tasks are at work
     * already: it gives up the transaction of all of them then, and where a rebalance is going on it does not tell them.
     *
     * @param application the folder that has one folder for each task
     */
    static void clear(Path application) {
        if (!Files.isDirectory(application)) {
            return;
        }
        try (FileChannel channel = FileChannel.open(
                        application.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                @Nullable FileLock lock = channel.tryLock()) {
            if (lock == null) {
                // Another process is at work there; Kafka Streams will say so.
                return;
            }
            try (DirectoryStream<Path> tasks = Files.newDirectoryStream(application, TASKS)) {
                for (Path task : tasks) {
                    if (!Files.exists(task.resolve(CHECKPOINT))) {
                        LOG.infof("%s was left in the midst of work; its stores are made anew", task);
                        delete(task);
                    }
                }
            }
        } catch (OverlappingFileLockException e) {
            LOG.infof("this process is at work in %s already", application);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot clear " + application, e);
        }
    }

    private static void delete(Path folder) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(folder)) {
            files = all.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path file : files) {
            Files.delete(file);
        }
    }
}
