package dev.podium.feedback.automation;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Every decision that a rule has led to, with its reason; only added to. */
@Singleton
class Decisions {
    private static final Logger LOG = Logger.getLogger(Decisions.class);

    /** What counts as the same day: two hours less than one, so that what starts daily is not held back by its last start. */
    static final Duration DAY = Duration.ofHours(22);

    private final EntityManager entities;

    Decisions(EntityManager entities) {
        this.entities = entities;
    }

    /** What was decided. */
    enum Kind {
        STARTED,
        /** It was due, and something spoke against it. */
        HELD_BACK,
        /** A chain does not go on. */
        STOPPED,
        FINISHED,
        PROMOTED,
        ROLLED_BACK
    }

    /** A decision as it is shown. */
    public record View(
            String rule,
            String decision,
            String reason,
            @Nullable String plan,
            Instant at) {}

    /** Must run in the transaction of what was decided. */
    void add(String project, String rule, Kind kind, String reason, Optional<String> plan) {
        LOG.infof("rule %s of %s: %s: %s", rule, project, kind, reason);
        entities.createNativeQuery("insert into rule_decision (project_id, rule, decision, reason, plan_id, at)"
                        + " values (:p, :rule, :d, :reason, :plan, :at)")
                .setParameter("p", project)
                .setParameter("rule", rule)
                .setParameter("d", kind.name())
                .setParameter("reason", reason)
                .setParameter("plan", plan.orElse(null))
                .setParameter("at", Clock.systemUTC().instant())
                .executeUpdate();
    }

    /** Starts within {@link #DAY}. */
    long startsToday(String project, String rule) {
        return ((Number) entities.createNativeQuery("select count(*) from rule_decision where project_id = :p"
                                + " and rule = :r and decision = 'STARTED' and at > :since")
                        .setParameter("p", project)
                        .setParameter("r", rule)
                        .setParameter("since", Clock.systemUTC().instant().minus(DAY))
                        .getSingleResult())
                .longValue();
    }

    /** Newest first. */
    List<View> list(String project, int limit) {
        List<View> all = new ArrayList<>();
        List<Tuple> rows = entities.createNativeQuery(
                        "select rule, decision, reason, plan_id, at from rule_decision where project_id = :p"
                                + " order by position desc limit " + limit,
                        Tuple.class)
                .setParameter("p", project)
                .getResultList();
        for (Tuple row : rows) {
            Object at = row.get("at");
            all.add(new View(
                    (String) row.get("rule"),
                    (String) row.get("decision"),
                    (String) row.get("reason"),
                    (String) row.get("plan_id"),
                    at instanceof Instant instant ? instant : ((java.time.OffsetDateTime) at).toInstant()));
        }
        return all;
    }
}
