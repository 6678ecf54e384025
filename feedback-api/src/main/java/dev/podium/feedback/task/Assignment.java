package dev.podium.feedback.task;

import dev.podium.contracts.Output;
import dev.podium.contracts.Task;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Gives each labeler the next task. A task has exactly {@code overlap} places; a place is taken by a lease or a ranking,
 * counted in the task's row under its lock, so that fifty labelers who ask at once never get one place twice.
 */
@Singleton
public class Assignment {
    private final EntityManager entities;
    private final LeaseIds leaseIds;
    private final Duration leaseTime;

    Assignment(
            EntityManager entities,
            LeaseIds leaseIds,
            @ConfigProperty(name = "podium.lease.minutes") int leaseMinutes) {
        this.entities = entities;
        this.leaseIds = leaseIds;
        this.leaseTime = Duration.ofMinutes(leaseMinutes);
    }

    /** A lease and its task. */
    public record Assigned(Lease lease, TaskRow task) {}

    /** The task a labeler is on, or the next one; empty when nothing is left. Must run in a transaction. */
    public Optional<Assigned> next(String project, String labeler) {
        oneAtATime(project, labeler);
        Instant now = Clock.systemUTC().instant();
        Optional<Lease> current = Lease.<Lease>find(
                        "projectId = ?1 and labeler = ?2 and expiresAt > ?3 order by expiresAt", project, labeler, now)
                .firstResultOptional();
        if (current.isPresent()) {
            Lease lease = current.get();
            lease.expiresAt = now.plus(leaseTime);
            return Optional.of(new Assigned(lease, TaskRow.<TaskRow>findById(lease.taskId)));
        }
        Optional<String> open = open(project, labeler, " skip locked");
        if (open.isEmpty() && releaseExpired(project, now) > 0) {
            open = open(project, labeler, " skip locked");
        }
        if (open.isEmpty()) {
            // A task that is locked just now, by a submission say, may have a place all the same: nothing is left only
            // when none is left of those either.
            open = open(project, labeler, "");
        }
        return open.map(id -> lease(id, labeler, now));
    }

    /** Two tabs of one labeler get the same task, not two. */
    private void oneAtATime(String project, String labeler) {
        entities.createNativeQuery(
                        "select cast(pg_advisory_xact_lock(hashtextextended(:who, 11)) as text)", String.class)
                .setParameter("who", project + "\n" + labeler)
                .getSingleResult();
    }

    private Optional<String> open(String project, String labeler, String whenLocked) {
        List<?> found = entities.createNativeQuery(
                        "select t.id from task t where t.project_id = :project and t.taken < t.overlap"
                                + " and not exists (select 1 from lease l where l.task_id = t.id and l.labeler = :labeler)"
                                + " and not exists (select 1 from ranking r where r.task_id = t.id and r.labeler = :labeler)"
                                + " order by t.position limit 1 for update of t" + whenLocked,
                        String.class)
                .setParameter("project", project)
                .setParameter("labeler", labeler)
                .getResultList();
        return found.isEmpty() ? Optional.empty() : Optional.of((String) found.getFirst());
    }

    private Assigned lease(String taskId, String labeler, Instant now) {
        TaskRow row = TaskRow.findById(taskId, LockModeType.PESSIMISTIC_WRITE);
        row.taken++;
        Lease lease = new Lease();
        lease.id = leaseIds.of(taskId, labeler);
        lease.taskId = taskId;
        lease.projectId = row.projectId;
        lease.labeler = labeler;
        lease.shownOrder = String.join("\n", shuffled(row.task(), labeler));
        lease.expiresAt = now.plus(leaseTime);
        lease.persist();
        return new Assigned(lease, row);
    }

    /** The order for one labeler: random over labelers, the same whenever this labeler sees the task. */
    public static List<String> shuffled(Task task, String labeler) {
        List<String> ids =
                new ArrayList<>(task.outputs().stream().map(Output::id).sorted().toList());
        UUID seed = UUID.nameUUIDFromBytes((task.taskId() + "\n" + labeler).getBytes(StandardCharsets.UTF_8));
        Collections.shuffle(ids, new Random(seed.getMostSignificantBits() ^ seed.getLeastSignificantBits()));
        return ids;
    }

    /** Frees places also where nobody asks, so that what is shown as open is. */
    @Scheduled(every = "1m", delayed = "1m", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void releaseExpired() {
        Instant now = Clock.systemUTC().instant();
        List<?> projects = QuarkusTransaction.requiringNew()
                .call(() -> entities.createNativeQuery(
                                "select distinct project_id from lease where expires_at < :now", String.class)
                        .setParameter("now", now)
                        .getResultList());
        for (Object project : projects) {
            QuarkusTransaction.requiringNew().call(() -> releaseExpired((String) project, now));
        }
    }

    /**
     * Frees the places of leases that ran out. Locks the tasks before their leases, as whoever submits does, and leaves
     * out the tasks that somebody works on just now. Must run in a transaction.
     */
    int releaseExpired(String project, Instant now) {
        List<?> tasks = entities.createNativeQuery(
                        "select id from task where id in (select task_id from lease where project_id = :project"
                                + " and expires_at < :now limit 1000) order by id for update skip locked",
                        String.class)
                .setParameter("project", project)
                .setParameter("now", now)
                .getResultList();
        if (tasks.isEmpty()) {
            return 0;
        }
        return entities.createNativeQuery("with gone as (delete from lease where task_id in (:tasks)"
                        + " and expires_at < :now returning task_id)"
                        + " update task set taken = taken - freed.places"
                        + " from (select task_id, count(*) as places from gone group by task_id) freed"
                        + " where task.id = freed.task_id")
                .setParameter("tasks", tasks)
                .setParameter("now", now)
                .executeUpdate();
    }
}
