package dev.podium.feedback.artifact;

import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * Once a day, on one of the instances: each project's policy of retention is applied, then what nothing needs is removed.
 * A project without a policy keeps all its weights.
 */
@Singleton
public class DailySpace {
    /** Who did it, in the list of collections and of retired versions. */
    static final String BY = "daily";

    private static final Logger LOG = Logger.getLogger(DailySpace.class);
    private static final Duration GRACE = Duration.ofHours(24);
    private static final int DAYS_KEPT = 30;

    private final EntityManager entities;
    private final Retention retention;
    private final Artifacts artifacts;
    private final boolean enabled;

    DailySpace(
            EntityManager entities,
            Retention retention,
            Artifacts artifacts,
            @ConfigProperty(name = "podium.space.daily") boolean enabled) {
        this.entities = entities;
        this.retention = retention;
        this.artifacts = artifacts;
        this.enabled = enabled;
    }

    @Scheduled(every = "1h", delayed = "15m", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void look() {
        if (enabled) {
            makeSpace(LocalDate.now(Clock.systemUTC()));
        }
    }

    /** False where it was done that day, or is being done by another instance. What fails is tried again in an hour. */
    boolean makeSpace(LocalDate day) {
        if (!QuarkusTransaction.requiringNew().call(() -> claim(day))) {
            return false;
        }
        boolean done = retired() & collected();
        if (!done) {
            QuarkusTransaction.requiringNew().run(() -> giveBack(day));
        }
        return done;
    }

    /** By the policy of each project; one that fails keeps no other from it. */
    private boolean retired() {
        return tried("policies of retention are not applied", () -> {
            boolean all = true;
            for (String project : QuarkusTransaction.requiringNew().call(this::projectsWithPolicy)) {
                all &= tried("project " + project + " keeps what its policy would retire", () -> {
                    Retention.Run run = retention.run(project, false, BY);
                    if (!run.retired().isEmpty()) {
                        LOG.infof("retired of project %s by its policy: %s", project, run.retired());
                    }
                    return true;
                });
            }
            return all;
        });
    }

    private boolean collected() {
        return tried("nothing was removed", () -> {
            Artifacts.Collection done = artifacts.collect(GRACE, false, BY);
            LOG.infof(
                    "removed what nothing needs: %d bytes in Kafka, %d in the object store",
                    done.chunks().garbageBytes(), done.garbageObjectBytes());
            return true;
        });
    }

    private static boolean tried(String otherwise, BooleanSupplier work) {
        try {
            return work.getAsBoolean();
        } catch (Refusal e) {
            LOG.warnf("%s, next try in an hour: %s", otherwise, e.getMessage());
            return false;
        } catch (RuntimeException e) {
            LOG.warnf(e, "%s, next try in an hour", otherwise);
            return false;
        }
    }

    private boolean claim(LocalDate day) {
        entities.createNativeQuery("delete from space_day where day < :d")
                .setParameter("d", day.minusDays(DAYS_KEPT))
                .executeUpdate();
        return entities.createNativeQuery("insert into space_day (day) values (:d) on conflict do nothing")
                        .setParameter("d", day)
                        .executeUpdate()
                == 1;
    }

    private void giveBack(LocalDate day) {
        entities.createNativeQuery("delete from space_day where day = :d")
                .setParameter("d", day)
                .executeUpdate();
    }

    @SuppressWarnings("unchecked")
    private List<String> projectsWithPolicy() {
        return entities.createNativeQuery("select project_id from retention_policy order by project_id", String.class)
                .getResultList();
    }
}
