package dev.podium.feedback.exclusion;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.ranking.LabelerGate;
import dev.podium.feedback.ranking.Rankings;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Takes back all rankings of a labeler, in batches, each a transaction with its events. It may stop anywhere and goes on,
 * on any instance; a ranking that slipped in while the exclusion was written is found by the next look.
 */
@Singleton
public class Exclusions implements LabelerGate {
    private static final Logger LOG = Logger.getLogger(Exclusions.class);
    private static final int BATCH = 200;
    private static final int LONGEST_REASON = 2000;
    /** So long a request works on it itself; what is left goes on behind it. */
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static final String ALL = "all";

    private final EntityManager entities;
    private final Rankings rankings;
    private final Cache<String, Set<Exclusion.Id>> excluded =
            Caffeine.newBuilder().expireAfterWrite(Duration.ofSeconds(2)).build();

    Exclusions(EntityManager entities, Rankings rankings) {
        this.entities = entities;
        this.rankings = rankings;
    }

    /**
     * An exclusion as operators see it.
     *
     * @param retracted rankings taken back so far
     * @param finished whether none is left
     */
    public record View(
            String labeler, String reason, String excludedBy, Instant excludedAt, long retracted, boolean finished) {
        static View of(Exclusion row) {
            return new View(
                    row.id == null ? "" : row.id.labeler(),
                    row.reason,
                    row.excludedBy,
                    row.excludedAt,
                    row.retracted,
                    row.finishedAt != null);
        }
    }

    /**
     * Excludes a labeler; a second time changes nothing. Not inside a transaction.
     *
     * @param written runs in the transaction that writes it down
     */
    public View exclude(String project, String labeler, @Nullable String reason, String by, Runnable written) {
        if (reason == null || reason.isBlank() || reason.length() > LONGEST_REASON) {
            throw Refusal.unprocessable(
                    "invalid_reason",
                    "Say why, in at most " + LONGEST_REASON
                            + " characters: the labeler may ask, and so may an auditor.");
        }
        QuarkusTransaction.requiringNew().run(() -> {
            write(project, labeler, reason.strip(), by);
            written.run();
        });
        excluded.invalidateAll();
        Instant until = Clock.systemUTC().instant().plus(PATIENCE);
        while (retractSome(project, labeler) && Clock.systemUTC().instant().isBefore(until)) {
            LOG.debugf("more rankings of %s in %s are taken back", labeler, project);
        }
        return QuarkusTransaction.requiringNew()
                .call(() -> find(project, labeler).orElseThrow(() -> Refusal.notFound("An exclusion of " + labeler)));
    }

    private void write(String project, String labeler, String reason, String by) {
        Project.required(project);
        int known = entities.createNativeQuery("select 1 from ranking where project_id = :p and labeler = :l"
                        + " union all select 1 from person where name = :l limit 1")
                .setParameter("p", project)
                .setParameter("l", labeler)
                .getResultList()
                .size();
        if (known == 0) {
            throw Refusal.notFound("Labeler " + labeler);
        }
        entities.createNativeQuery("insert into excluded_labeler"
                        + " (project_id, labeler, reason, excluded_by, excluded_at) values (:p, :l, :r, :by, :at)"
                        + " on conflict do nothing")
                .setParameter("p", project)
                .setParameter("l", labeler)
                .setParameter("r", reason)
                .setParameter("by", by)
                .setParameter("at", Clock.systemUTC().instant())
                .executeUpdate();
        freeLeases(project, labeler);
    }

    /** Tasks before their leases, as everywhere. */
    private void freeLeases(String project, String labeler) {
        List<?> tasks = entities.createNativeQuery(
                        "select id from task where id in (select task_id from lease where project_id = :p"
                                + " and labeler = :l) order by id for update",
                        String.class)
                .setParameter("p", project)
                .setParameter("l", labeler)
                .getResultList();
        if (!tasks.isEmpty()) {
            entities.createNativeQuery("with gone as (delete from lease where labeler = :l and task_id in (:tasks)"
                            + " returning task_id) update task set taken = taken - 1 from gone"
                            + " where task.id = gone.task_id")
                    .setParameter("l", labeler)
                    .setParameter("tasks", tasks)
                    .executeUpdate();
        }
    }

    /** One batch; whether there may be more. */
    private boolean retractSome(String project, String labeler) {
        return QuarkusTransaction.requiringNew().call(() -> {
            List<?> mine = entities.createNativeQuery(
                            "select reason from excluded_labeler where project_id = :p and labeler = :l"
                                    + " and finished_at is null for update skip locked",
                            String.class)
                    .setParameter("p", project)
                    .setParameter("l", labeler)
                    .getResultList();
            if (mine.isEmpty()) {
                // Done, lifted, or another instance is at it.
                return false;
            }
            int retracted = rankings.retractOf(project, labeler, "labeler excluded: " + mine.getFirst(), BATCH);
            entities.createNativeQuery("update excluded_labeler set retracted = retracted + :n,"
                            + " finished_at = case when :n = 0 then cast(:now as timestamptz) end"
                            + " where project_id = :p and labeler = :l")
                    .setParameter("n", retracted)
                    .setParameter("now", Clock.systemUTC().instant())
                    .setParameter("p", project)
                    .setParameter("l", labeler)
                    .executeUpdate();
            return retracted > 0;
        });
    }

    /** Goes on where a request or an instance has left off, and looks for what slipped in. */
    @Scheduled(every = "5s", delayed = "5s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    public void goOn() {
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery("update excluded_labeler e set finished_at = null"
                                + " where finished_at is not null and exists (select 1 from ranking r"
                                + " where r.project_id = e.project_id and r.labeler = e.labeler and not r.retracted)")
                        .executeUpdate());
        List<?> open = QuarkusTransaction.requiringNew()
                .call(() -> entities.createNativeQuery(
                                "select project_id, labeler from excluded_labeler where finished_at is null")
                        .getResultList());
        for (Object row : open) {
            Object[] values = (Object[]) row;
            while (retractSome((String) values[0], (String) values[1])) {
                LOG.infof("rankings of an excluded labeler of %s are taken back", values[0]);
            }
        }
    }

    /** Lets a labeler rank again; what was taken back stays so. Must run in a transaction. */
    public void lift(String project, String labeler) {
        if (!Exclusion.deleteById(new Exclusion.Id(project, labeler))) {
            throw Refusal.notFound("An exclusion of " + labeler);
        }
        excluded.invalidateAll();
    }

    /** Must run in a transaction. */
    public Optional<View> find(String project, String labeler) {
        return Exclusion.<Exclusion>findByIdOptional(new Exclusion.Id(project, labeler))
                .map(View::of);
    }

    /** Newest first; must run in a transaction. */
    public List<View> list(String project) {
        return Exclusion.<Exclusion>list("id.projectId = ?1 order by excludedAt desc", project).stream()
                .map(View::of)
                .toList();
    }

    /** Looks at what it knew a moment ago: a ranking that slips through by that is taken back like the others. */
    @Override
    public void requireWelcome(String project, String labeler) {
        if (excluded.get(ALL, all -> read()).contains(new Exclusion.Id(project, labeler))) {
            throw new Refusal(
                    403,
                    "labeler_excluded",
                    "An operator has ended your work in this project, and your rankings in it do not count."
                            + " Ask them if you think that this is wrong.");
        }
    }

    private Set<Exclusion.Id> read() {
        Set<Exclusion.Id> ids = new HashSet<>();
        for (Object row : entities.createNativeQuery("select project_id, labeler from excluded_labeler")
                .getResultList()) {
            Object[] values = (Object[]) row;
            ids.add(new Exclusion.Id((String) values[0], (String) values[1]));
        }
        return ids;
    }
}
