package dev.podium.feedback.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.IdempotentAnswers;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Rounds that wait for one another. One runs at a time; each is started under an Idempotency-Key of its own, so that it is
 * started once, however many instances look and wherever one dies.
 */
@Singleton
public class Plans {
    private static final Logger LOG = Logger.getLogger(Plans.class);

    /** Manifest and end are of one transaction; what has not come so long after it never will. */
    private static final Duration MANIFEST_WAIT = Duration.ofMinutes(30);

    private static final String NO_MANIFEST = "its round has succeeded; the manifest of its adapter is not there yet";

    private final EntityManager entities;
    private final Rounds rounds;
    private final Reruns reruns;
    private final RoundViews views;
    private final Instance<PlanWatch> watches;

    Plans(EntityManager entities, Rounds rounds, Reruns reruns, RoundViews views, Instance<PlanWatch> watches) {
        this.entities = entities;
        this.rounds = rounds;
        this.reruns = reruns;
        this.views = views;
        this.watches = watches;
    }

    /** Stores the steps of a plan, in their order; must run in a transaction. */
    public void add(List<PlannedRound> steps) {
        Instant now = Clock.systemUTC().instant();
        for (PlannedRound step : steps) {
            step.createdAt = now;
            step.changedAt = now;
            step.persist();
        }
    }

    /** Newest plans first; must run in a transaction. */
    public List<PlannedRound> list(String project, int limit) {
        return PlannedRound.<PlannedRound>find("projectId = ?1 order by createdAt desc, planId, step", project)
                .page(0, limit)
                .list();
    }

    /** Whether a rule's rounds are on their way in a project; must run in a transaction. */
    public boolean isRuleAtWork(String project) {
        return PlannedRound.count("projectId = ?1 and rule is not null and state in ('WAITING', 'STARTED')", project)
                > 0;
    }

    /** Whether the rounds of one rule are on their way; must run in a transaction. */
    public boolean isAtWork(String project, String rule) {
        return PlannedRound.count("projectId = ?1 and rule = ?2 and state in ('WAITING', 'STARTED')", project, rule)
                > 0;
    }

    /** Versions of rules' rounds that were not let through, published or not; must run in a transaction. */
    public Set<String> stoppedOfRules(String project) {
        List<String> versions = entities.createNativeQuery(
                        "select r.version from planned_round p join round r on r.id = p.round_id"
                                + " where p.project_id = :p and p.rule is not null and p.state = 'FAILED'",
                        String.class)
                .setParameter("p", project)
                .getResultList();
        return Set.copyOf(versions);
    }

    /** Looks at all plans. */
    @Scheduled(every = "2s", delayed = "3s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    public void advance() {
        List<String> open = QuarkusTransaction.requiringNew()
                .call(() -> entities.createNativeQuery(
                                "select distinct plan_id from planned_round where state in ('WAITING', 'STARTED')",
                                String.class)
                        .getResultList());
        for (String plan : open) {
            try {
                QuarkusTransaction.requiringNew().call(() -> next(plan)).ifPresent(this::start);
            } catch (RuntimeException e) {
                // The other plans go on; this one is looked at again.
                LOG.errorf(e, "plan %s cannot go on now", plan);
            }
        }
    }

    /** Writes down what has ended; the step whose turn it is, if any. */
    private Optional<PlannedRound> next(String plan) {
        boolean mine = (Boolean) entities.createNativeQuery(
                        "select pg_try_advisory_xact_lock(hashtextextended(:plan, 17))", Boolean.class)
                .setParameter("plan", plan)
                .getSingleResult();
        if (!mine) {
            return Optional.empty();
        }
        List<PlannedRound> steps = PlannedRound.list("planId = ?1 order by step", plan);
        for (PlannedRound step : steps) {
            if (step.state.equals(PlannedRound.STARTED) && !ended(step, steps)) {
                return Optional.empty();
            }
        }
        for (PlannedRound step : steps) {
            if (step.state.equals(PlannedRound.WAITING)) {
                Optional<String> missing = missing(step, steps);
                if (missing.isPresent()) {
                    end(step, PlannedRound.DROPPED, missing.get());
                } else if (isReady(step)) {
                    return Optional.of(step);
                } else {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }

    /** Whether the step's round has ended, and its adapter can be used. */
    private boolean ended(PlannedRound step, List<PlannedRound> all) {
        RoundRow row = RoundRow.findById(step.roundId);
        RoundView view = views.of(row);
        switch (view.state()) {
            case "SUCCEEDED" -> {
                Optional<AdapterManifest> adapter = adapter(row);
                if (adapter.isEmpty() && !row.kind.equals("SAMPLE")) {
                    return endIfLate(step);
                }
                boolean last = step == all.getLast();
                Optional<String> why = Optional.empty();
                for (PlanWatch watch : watches) {
                    why = why.or(() -> watch.succeeded(step, adapter, last));
                }
                if (why.isPresent()) {
                    end(step, PlannedRound.FAILED, why.get());
                } else {
                    step.state = PlannedRound.SUCCEEDED;
                    step.note = null;
                    step.changedAt = Clock.systemUTC().instant();
                }
                return true;
            }
            case "FAILED", "CANCELLED" -> {
                RoundView.Problem problem = view.error();
                end(
                        step,
                        PlannedRound.FAILED,
                        problem == null ? "its round was cancelled" : problem.message() + " (" + problem.code() + ")");
                return true;
            }
            default -> {
                return false;
            }
        }
    }

    /**
     * The manifest comes over another topic, a moment later as a rule; never, where it cannot be read or there is none.
     * The time counts from when some instance first saw the end without it. Should all have been away just then, for as
     * long, the step ends although its manifest was on the way: it is published nevertheless, and the round can be run
     * again for the steps behind it.
     *
     * @return whether the step ended so
     */
    private boolean endIfLate(PlannedRound step) {
        Instant now = Clock.systemUTC().instant();
        if (!NO_MANIFEST.equals(step.note)) {
            step.note = NO_MANIFEST;
            step.changedAt = now;
        }
        if (step.changedAt.plus(MANIFEST_WAIT).isAfter(now)) {
            return false;
        }
        end(
                step,
                PlannedRound.FAILED,
                "its round has succeeded, but no manifest of its adapter has come for " + MANIFEST_WAIT.toMinutes()
                        + " minutes; the log of feedback-api says what it could not read");
        return true;
    }

    private void end(PlannedRound step, String state, String why) {
        step.state = state;
        step.note = why;
        step.changedAt = Clock.systemUTC().instant();
        watches.forEach(watch -> watch.stopped(step, why));
    }

    private static Optional<String> missing(PlannedRound step, List<PlannedRound> all) {
        for (PlannedRound other : all) {
            boolean needed =
                    isStep(step.needs, other) || isStep(step.initialFrom, other) || isStep(step.rewardFrom, other);
            if (needed && !other.state.equals(PlannedRound.SUCCEEDED) && !other.isOpen()) {
                return Optional.of("step " + other.step + ", which it needs, has not succeeded");
            }
        }
        return Optional.empty();
    }

    private static boolean isStep(@Nullable Integer wanted, PlannedRound step) {
        return wanted != null && wanted == step.step;
    }

    /** Whether what ranking-stream must have done is done. */
    private boolean isReady(PlannedRound step) {
        if (step.withoutLabeler == null) {
            return true;
        }
        // Until they are taken back, and in no set any more.
        boolean ready = entities.createNativeQuery("select 1 from ranking where project_id = :p and labeler = :l"
                        + " and not retracted union all select 1 from preference where project_id = :p"
                        + " and strpos(body, cast(:quoted as text)) > 0 and exists (select 1 from"
                        + " json_array_elements(body::json -> 'rankings') used"
                        + " where used ->> 'labelerId' = :l) limit 1")
                .setParameter("p", step.projectId)
                .setParameter("l", step.withoutLabeler)
                .setParameter("quoted", EventJson.writeText(step.withoutLabeler))
                .getResultList()
                .isEmpty();
        step.note =
                ready ? null : "waits until the rankings of " + step.withoutLabeler + " are out of the preference sets";
        return ready;
    }

    private void start(PlannedRound step) {
        try {
            RoundRow row = started(step);
            QuarkusTransaction.requiringNew().run(() -> {
                PlannedRound now = PlannedRound.findById(step.id);
                if (now.state.equals(PlannedRound.WAITING)) {
                    now.state = PlannedRound.STARTED;
                    now.roundId = row.id;
                    now.note = null;
                    now.changedAt = Clock.systemUTC().instant();
                }
            });
        } catch (Refusal e) {
            boolean later = e.status() >= 500 || e.code().equals("command_not_found");
            QuarkusTransaction.requiringNew().run(() -> {
                PlannedRound now = PlannedRound.findById(step.id);
                if (later) {
                    now.note = String.valueOf(e.getMessage());
                } else {
                    end(now, PlannedRound.FAILED, e.getMessage() + " (" + e.code() + ")");
                }
            });
        }
    }

    private RoundRow started(PlannedRound step) {
        Optional<Rounds.Key> key = Optional.of(new Rounds.Key("plan-" + step.id, IdempotentAnswers.sha256(step.id)));
        @Nullable String initial = QuarkusTransaction.requiringNew().call(() -> versionOf(step, step.initialFrom));
        @Nullable String reward = QuarkusTransaction.requiringNew().call(() -> versionOf(step, step.rewardFrom));
        if (step.rerunOf != null) {
            return reruns.start(
                            step.rerunOf,
                            new Reruns.Again(Reruns.Data.NOW, initial, reward),
                            key,
                            step.requestedBy,
                            Optional.of(step.reason))
                    .round();
        }
        NewRound wanted = Bodies.parse(String.valueOf(step.request).getBytes(StandardCharsets.UTF_8), NewRound.class);
        return rounds.start(
                        step.projectId,
                        new NewRound(
                                wanted.kind(),
                                wanted.config(),
                                wanted.baseModel(),
                                initial == null ? wanted.initialAdapter() : initial,
                                reward == null ? wanted.rewardAdapter() : reward,
                                wanted.prompts(),
                                wanted.records()),
                        key,
                        step.requestedBy,
                        Rounds.Origin.because(step.reason))
                .round();
    }

    private static @Nullable String versionOf(PlannedRound step, @Nullable Integer from) {
        if (from == null) {
            return null;
        }
        PlannedRound other = PlannedRound.<PlannedRound>find("planId = ?1 and step = ?2", step.planId, from)
                .firstResult();
        RoundRow row = other == null || other.roundId == null ? null : RoundRow.findById(other.roundId);
        return row == null ? null : row.version;
    }

    private Optional<AdapterManifest> adapter(RoundRow row) {
        List<?> found = entities.createNativeQuery(
                        "select body from adapter where project_id = :p and version = :v", String.class)
                .setParameter("p", row.projectId)
                .setParameter("v", row.version)
                .getResultList();
        try {
            return found.isEmpty()
                    ? Optional.empty()
                    : Optional.of(EventJson.read(
                            ((String) found.getFirst()).getBytes(StandardCharsets.UTF_8), AdapterManifest.class));
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a stored manifest cannot be read", e);
        }
    }
}
