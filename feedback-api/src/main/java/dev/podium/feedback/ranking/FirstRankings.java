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

    private static final Duration STOP = Duration.ofSeconds(5);

    /** More would only make what is written together smaller, and take connections from others. */
    private static final int MOST_WRITERS = 4;
    /** To be tried by itself. */
    private static final Submission.Outcome AGAIN = new Submission.Outcome(true, Optional.empty());

    private final AgroalDataSource database;
    private final Outbox outbox;
    private final BlockingQueue<Waiting> waiting = new LinkedBlockingQueue<>();
    private volatile boolean running;
    private List<Thread> writers = List.of();

    FirstRankings(AgroalDataSource database, Outbox outbox) {
        this.database = database;
        this.outbox = outbox;
    }

    /** A ranking, and what becomes of it. */
    private record Waiting(Submission.First ranking, CompletableFuture<Submission.Outcome> outcome) {}

    void start(@Observes StartupEvent event) {
        running = true;
        writers = IntStream.range(0, Math.clamp(Runtime.getRuntime().availableProcessors() / 2, 1, MOST_WRITERS))
                .mapToObj(i ->
                        Thread.ofPlatform().name("first-rankings-" + i).daemon().start(this::run))
                .toList();
    }

    void stop(@Observes ShutdownEvent event) throws InterruptedException {
        running = false;
        long deadlineNanos = System.nanoTime() + STOP.toNanos();
        for (Thread writer : writers) {
            writer.join(Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime())));
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
            Submission.Outcome outcome = outcome(mine);
            if (!outcome.busy()) {
                return outcome.written();
            }
        }
        return alone(ranking);
    }

    private Submission.Outcome outcome(Waiting mine) {
        try {
            try {
                return mine.outcome().get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // Once it is taken up its outcome has to be known.
                return waiting.remove(mine) ? AGAIN : mine.outcome().get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof SQLException away) {
                throw new UncheckedSqlException(away);
            }
            throw new IllegalStateException("a ranking could not be written", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a ranking was written", e);
        }
    }

    private Optional<Assignment.Given> alone(Submission.First ranking) {
        try (Connection connection = database.getConnection()) {
            Optional<Assignment.Given> written = Submission.first(connection, List.of(ranking), true)
                    .getFirst()
                    .written();
            if (written.isPresent()) {
                outbox.committed();
            }
            return written;
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    private void run() {
        List<Waiting> batch = new ArrayList<>(MOST);
        while (running || !waiting.isEmpty()) {
            try {
                Waiting first = waiting.poll(100, TimeUnit.MILLISECONDS);
                if (first != null) {
                    batch.add(first);
                    waiting.drainTo(batch, MOST - 1);
                    together(batch);
                }
            } catch (InterruptedException e) {
                return;
            } catch (Throwable e) {
                LOG.error("rankings could not be written together, and are tried one by one", e);
            } finally {
                batch.forEach(one -> one.outcome().complete(AGAIN));
                batch.clear();
            }
        }
    }

    /** Whatever goes wrong with several of them says nothing about each: each is tried by itself then. */
    private void together(List<Waiting> batch) {
        Connection connection;
        try {
            connection = database.getConnection();
        } catch (SQLException e) {
            batch.forEach(one -> one.outcome().completeExceptionally(e));
            return;
        }
        List<Submission.Outcome> outcomes;
        try (connection) {
            outcomes = Submission.first(
                    connection, batch.stream().map(Waiting::ranking).toList(), false);
        } catch (SQLException e) {
            LOG.infof("%d rankings could not be written together, and are tried one by one: %s", batch.size(), e);
            return;
        }
        if (outcomes.stream().anyMatch(one -> one.written().isPresent())) {
            outbox.committed();
        }
        for (int i = 0; i < batch.size(); i++) {
            batch.get(i).outcome().complete(outcomes.get(i));
        }
    }
}
