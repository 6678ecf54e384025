package dev.podium.feedback.artifact;

import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which versions' weights are kept. Never retired are: what a channel has ever pointed to or tried as a canary, what a
 * round that has not ended works with, the newest of each kind, and what is younger than the policy says. Manifests and
 * data sets stay always.
 */
@Singleton
public class Retention {
    private static final int MOST = 10_000;

    private final EntityManager entities;

    Retention(EntityManager entities) {
        this.entities = entities;
    }

    /**
     * A project's policy.
     *
     * @param keepLast newest versions of each kind that are kept
     * @param keepDays versions younger than this are kept
     */
    public record Policy(int keepLast, int keepDays, String changedBy, Instant changedAt) {}

    /** What a run retired, or would have. */
    public record Run(boolean dryRun, List<String> retired, int kept) {}

    /** The project's policy, if it has one. */
    @Transactional
    public Optional<Policy> policy(String project) {
        Project.required(project);
        List<?> rows = entities.createNativeQuery(
                        "select keep_last, keep_days, changed_by, cast(extract(epoch from changed_at) * 1000 as bigint)"
                                + " from retention_policy where project_id = :p")
                .setParameter("p", project)
                .getResultList();
        if (rows.isEmpty()) {
            return Optional.empty();
        }
        Object[] row = (Object[]) rows.getFirst();
        return Optional.of(new Policy(
                ((Number) row[0]).intValue(),
                ((Number) row[1]).intValue(),
                (String) row[2],
                Instant.ofEpochMilli(((Number) row[3]).longValue())));
    }

    /** Sets the policy. */
    @Transactional
    public Policy set(String project, int keepLast, int keepDays, String by) {
        Project.lock(project);
        if (keepLast < 1 || keepLast > MOST || keepDays < 0 || keepDays > 36_500) {
            throw Refusal.unprocessable(
                    "invalid_retention", "keepLast must be 1 to " + MOST + ", keepDays 0 to 36500.");
        }
        entities.createNativeQuery(
                        "insert into retention_policy (project_id, keep_last, keep_days, changed_by, changed_at)"
                                + " values (:p, :l, :d, :u, :a) on conflict (project_id) do update set"
                                + " keep_last = excluded.keep_last, keep_days = excluded.keep_days,"
                                + " changed_by = excluded.changed_by, changed_at = excluded.changed_at")
                .setParameter("p", project)
                .setParameter("l", keepLast)
                .setParameter("d", keepDays)
                .setParameter("u", by)
                .setParameter("a", Clock.systemUTC().instant())
                .executeUpdate();
        return policy(project).orElseThrow();
    }

    /** Versions whose weights may be gone. */
    @Transactional
    public List<String> retired(String project) {
        Project.required(project);
        return texts("select version from adapter_retired where project_id = :p order by version", project);
    }

    /** Whether a version's weights may be gone. */
    public boolean isRetired(String project, String version) {
        return !entities.createNativeQuery(
                        "select 1 from adapter_retired where project_id = :p and version = :v", Integer.class)
                .setParameter("p", project)
                .setParameter("v", version)
                .getResultList()
                .isEmpty();
    }

    /** Applies the policy under the project's lock: nothing is promoted or taken up by a round meanwhile. */
    @Transactional
    public Run run(String project, boolean dryRun, String by) {
        Project.lock(project);
        Policy policy = policy(project)
                .orElseThrow(() -> Refusal.unprocessable(
                        "no_retention", "Project " + project + " has no retention policy; set one first."));
        List<String> old = texts(
                "select version from (select version, created_at,"
                        + " row_number() over (partition by kind order by created_at desc, version desc) as place"
                        + " from adapter where project_id = :p) as a"
                        + " where place > " + policy.keepLast()
                        + " and created_at < now() - make_interval(days => " + policy.keepDays() + ")"
                        + " and version not in (select version from channel_change where project_id = :p"
                        + "   and version is not null)"
                        + " and version not in (select cast(body as json) -> 'canary' ->> 'version' from channel_change"
                        + "   where project_id = :p and cast(body as json) -> 'canary' is not null)"
                        + " and version not in (select initial_adapter from round r where project_id = :p"
                        + "   and initial_adapter is not null and " + UNENDED + ")"
                        + " and version not in (select reward_adapter from round r where project_id = :p"
                        + "   and reward_adapter is not null and " + UNENDED + ")"
                        + " and version not in (select version from adapter_retired where project_id = :p)"
                        + " order by created_at",
                project);
        if (!dryRun) {
            for (String version : old) {
                entities.createNativeQuery("insert into adapter_retired (project_id, version, retired_by, retired_at)"
                                + " values (:p, :v, :u, now()) on conflict do nothing")
                        .setParameter("p", project)
                        .setParameter("v", version)
                        .setParameter("u", by)
                        .executeUpdate();
            }
        }
        long all = ((Number) entities.createNativeQuery("select count(*) from adapter where project_id = :p")
                        .setParameter("p", project)
                        .getSingleResult())
                .longValue();
        int gone = retired(project).size() + (dryRun ? old.size() : 0);
        return new Run(dryRun, old, (int) all - gone);
    }

    private static final String UNENDED = "not exists (select 1 from round_event e where e.round_id = r.id"
            + " and e.type in ('Succeeded', 'Failed', 'Cancelled'))";

    private List<String> texts(String sql, String project) {
        List<String> all = new ArrayList<>();
        for (Object text : entities.createNativeQuery(sql, String.class)
                .setParameter("p", project)
                .getResultList()) {
            all.add((String) text);
        }
        return all;
    }
}
