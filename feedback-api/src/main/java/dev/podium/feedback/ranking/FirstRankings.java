package dev.podium.feedback.ranking;

import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.rest.UncheckedSqlException;
import dev.podium.feedback.task.Assignment;
import io.agroal.api.AgroalDataSource;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.jboss.logging.Logger;

/**
 * Writes first rankings together: what comes in while some are written waits, and is the next to be written, in one
 * statement and one commit. A ranking that comes alone is written at once. For each labeler nothing changes: an answer is
 * given when the ranking is committed, and a ranking that cannot be written with others is tried by itself.
 */
@Singleton
class FirstRankings {
    private static final Logger LOG = Logger.getLogger(FirstRankings.class);
    /** Written together, at most: the first of them waits for the last. */
    private static final int MOST = 32;
    /** So long a ranking waits to be taken up; after that the database is slow, and each waits for it by itself. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final AgroalDataSource database;
    private final Outbox outbox;
    private final BlockingQueue<Waiting> waiting = new LinkedBlockingQueue<>();
    private volatile boolean running;
    private List<Thread> writers = List.of();

    FirstRankings(AgroalDataSource database, Outbox outbox) {
        this.database = database;
        this.outbox = outbox;
    }

    /** A ranking, and what becomes of it: what was given along, or nothing where it has to be looked at by itself. */
    private record Waiting(Submission.First ranking, CompletableFuture<Optional<Assignment.Given>> written) {}

    void start(@Observes StartupEvent event) {
        running = true;
        writers = IntStream.range(0, Math.max(1, Runtime.getRuntime().availableProcessors() / 2))
                .mapToObj(i ->
                        Thread.ofPlatform().name("first-rankings-" + i).daemon().start(this::run))
                .toList();
    }

    void stop(@Observes ShutdownEvent event) throws InterruptedException {
        running = false;
        for (Thread writer : writers) {
            writer.join(PATIENCE.multipliedBy(5));
        }
    }

    /**
     * Writes a ranking; empty where it is not so plain and nothing was written. Not inside a transaction.
     *
     * @throws UncheckedSqlException when the database fails
     */
    Optional<Assignment.Given> write(Submission.First ranking) {
        if (running) {
            Waiting mine = new Waiting(ranking, new CompletableFuture<>());
            waiting.add(mine);
            Optional<Assignment.Given> written = outcome(mine);
            if (written.isPresent()) {
                return written;
            }
        }
        return alone(ranking);
    }

    private Optional<Assignment.Given> outcome(Waiting mine) {
        try {
            try {
                return mine.written().get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // Once it is taken up its outcome has to be known.
                return waiting.remove(mine) ? Optional.empty() : mine.written().get();
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("a ranking's outcome never fails", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a ranking was written", e);
        }
    }

    private Optional<Assignment.Given> alone(Submission.First ranking) {
        try (Connection connection = database.getConnection()) {
            Optional<Assignment.Given> written =
                    Submission.first(connection, List.of(ranking)).getFirst();
            if (written.isPresent()) {
                outbox.committed();
            }
            return written;
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    private void run() {
        while (running || !waiting.isEmpty()) {
            try {
                Waiting first = waiting.poll(100, TimeUnit.MILLISECONDS);
                if (first != null) {
                    List<Waiting> batch = new ArrayList<>(List.of(first));
                    waiting.drainTo(batch, MOST - 1);
                    together(batch);
                }
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** Whatever goes wrong with several of them says nothing about each: each is tried by itself then. */
    private void together(List<Waiting> batch) {
        List<Optional<Assignment.Given>> written = List.of();
        try (Connection connection = database.getConnection()) {
            written = Submission.first(
                    connection, batch.stream().map(Waiting::ranking).toList());
            if (written.stream().anyMatch(Optional::isPresent)) {
                outbox.committed();
            }
        } catch (SQLException | RuntimeException e) {
            LOG.infof("%d rankings could not be written together, and are tried one by one: %s", batch.size(), e);
        } finally {
            for (int i = 0; i < batch.size(); i++) {
                batch.get(i).written().complete(i < written.size() ? written.get(i) : Optional.empty());
            }
        }
    }
}
