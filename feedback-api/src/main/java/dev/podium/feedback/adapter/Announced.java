package dev.podium.feedback.adapter;

import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Waits a moment for a version that a round has just announced. A trainer writes manifest and end of round in one transaction,
 * but into two topics, so the projection may show the end first: who promotes at once what a round that has succeeded made
 * must not be told that there is no such version.
 */
@Singleton
public class Announced {
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final Duration PAUSE = Duration.ofMillis(50);

    private final EntityManager entities;
    private final LongSupplier nanoTime;
    private final Runnable pause;

    @Inject
    Announced(EntityManager entities) {
        this(entities, System::nanoTime, Announced::sleep);
    }

    /** @param pause between two looks */
    Announced(EntityManager entities, LongSupplier nanoTime, Runnable pause) {
        this.entities = entities;
        this.nanoTime = nanoTime;
        this.pause = pause;
    }

    /**
     * Returns as soon as the version is there, and at once where no round says that it has published it. To be called
     * outside a transaction, with nothing locked.
     *
     * @throws Refusal {@code adapter_on_its_way} where the manifest does not come
     */
    public void await(String project, String version) {
        long end = nanoTime.getAsLong() + PATIENCE.toNanos();
        while (isOnItsWay(project, version)) {
            if (nanoTime.getAsLong() >= end) {
                throw new Refusal(
                        503,
                        "adapter_on_its_way",
                        "A round has published " + version + " of project " + project
                                + ", but its manifest has not been read here yet. Try again in a moment; if it stays so,"
                                + " the log of feedback-api says what keeps it from reading the model topic.");
            }
            pause.run();
        }
    }

    private boolean isOnItsWay(String project, String version) {
        return QuarkusTransaction.requiringNew().call(() -> (Boolean) entities.createNativeQuery(
                        "select not exists (select 1 from adapter where project_id = :p and version = :v)"
                                + " and exists (select 1 from round join round_event on round_id = round.id"
                                + " where project_id = :p and version = :v and type = 'Succeeded'"
                                // A SAMPLE round has a version too, but publishes none.
                                + " and cast(body as jsonb) ->> 'version' = :v)",
                        Boolean.class)
                .setParameter("p", project)
                .setParameter("v", version)
                .getSingleResult());
    }

    private static void sleep() {
        try {
            Thread.sleep(PAUSE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Refusal(503, "adapter_on_its_way", "The server stops; try again.");
        }
    }
}
