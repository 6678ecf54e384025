package dev.podium.feedback.automation;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundKind;
import dev.podium.feedback.adapter.Channels;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.round.PlanWatch;
import dev.podium.feedback.round.PlannedRound;
import dev.podium.feedback.round.Plans;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Looks at all rules that are on. A rule is looked at under the lock of its row, and what it starts is written in the same
 * transaction: of several instances one decides, once.
 */
@Singleton
public class Automation implements PlanWatch {
    private static final Logger LOG = Logger.getLogger(Automation.class);

    private final EntityManager entities;
    private final Plans plans;
    private final Channels channels;
    private final Decisions decisions;
    private final HeldOut heldOut;
    private final AbActs acts;

    Automation(
            EntityManager entities, Plans plans, Channels channels, Decisions decisions, HeldOut heldOut, AbActs acts) {
        this.entities = entities;
        this.plans = plans;
        this.channels = channels;
        this.decisions = decisions;
        this.heldOut = heldOut;
        this.acts = acts;
    }

    /** One look at every rule. */
    @Scheduled(
            every = "${podium.rules.every:5s}",
            delayed = "5s",
            concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    public void look() {
        List<?> enabled = QuarkusTransaction.requiringNew()
                .call(() -> entities.createNativeQuery(
                                "select project_id, name from rule where enabled order by project_id, name")
                        .getResultList());
        for (Object row : enabled) {
            Object[] values = (Object[]) row;
            try {
                QuarkusTransaction.requiringNew().run(() -> look((String) values[0], (String) values[1]));
            } catch (RuntimeException e) {
                LOG.errorf(e, "rule %s of %s cannot be followed now", values[1], values[0]);
            }
        }
    }

    private void look(String project, String name) {
        boolean mine = !entities.createNativeQuery("select 1 from rule where project_id = :p and name = :n and enabled"
                        + " for update skip locked")
                .setParameter("p", project)
                .setParameter("n", name)
                .getResultList()
                .isEmpty();
        RuleRow row = mine ? RuleRow.findById(new RuleRow.Id(project, name)) : null;
        if (row == null) {
            return;
        }
        entities.refresh(row);
        Rule rule = row.rule();
        if (rule.rounds() != null) {
            rounds(project, row, rule.rounds());
        } else if (rule.ab() != null) {
            acts.look(project, row, rule.ab());
        }
    }

    // ---- rounds

    private void rounds(String project, RuleRow row, Rule.Rounds rule) {
        Instant now = Clock.systemUTC().instant();
        Optional<String> due = due(project, row, rule, now);
        if (due.isEmpty() || plans.isAtWork(project, row.key().name())) {
            // Its own rounds are the answer to what is due now.
            row.lastRefusal = null;
            return;
        }
        Optional<String> against = against(project, row, rule);
        if (against.isPresent()) {
            // Said once, not at every look.
            if (!against.get().equals(row.lastRefusal)) {
                decisions.add(
                        project,
                        row.key().name(),
                        Decisions.Kind.HELD_BACK,
                        due.get() + "; but " + against.get(),
                        Optional.empty());
                row.lastRefusal = against.get();
            }
            return;
        }
        row.lookedAt = now;
        row.lastRefusal = null;
        String plan = UUID.randomUUID().toString();
        String reason = "rule " + row.key().name() + ": " + due.get();
        plans.add(steps(project, row, rule, plan, reason));
        decisions.add(
                project,
                row.key().name(),
                Decisions.Kind.STARTED,
                due.get() + "; "
                        + String.join(
                                ", then ",
                                rule.steps().stream()
                                        .map(step -> String.valueOf(step.kind()))
                                        .toList()),
                Optional.of(plan));
    }

    /** Why the rule is due. */
    private Optional<String> due(String project, RuleRow row, Rule.Rounds rule, Instant now) {
        Rule.When when = Objects.requireNonNull(rule.when());
        Integer wanted = when.newDecidedTasks();
        if (wanted != null) {
            long fresh = newDecidedTasks(project, firstKind(rule));
            if (fresh >= wanted) {
                return Optional.of(fresh + " tasks were decided since the last " + firstKind(rule) + " round, " + wanted
                        + " are wanted");
            }
        }
        Instant since = row.lookedAt == null ? row.setAt : row.lookedAt;
        return Schedule.of(when).next(since).filter(next -> !next.isAfter(now)).map(next -> "its time was " + next);
    }

    static RoundKind firstKind(Rule.Rounds rule) {
        return Objects.requireNonNull(rule.steps().getFirst().kind());
    }

    /** Tasks decided since the newest round of a kind was asked for; all, where there was none. */
    long newDecidedTasks(String project, RoundKind kind) {
        return ((Number) entities.createNativeQuery("select count(*) from preference where project_id = :p and decided"
                                + " and decided_since > coalesce((select max(requested_at) from round"
                                + " where project_id = :p and kind = :k), cast('epoch' as timestamptz))")
                        .setParameter("p", project)
                        .setParameter("k", kind.name())
                        .getSingleResult())
                .longValue();
    }

    private Optional<String> against(String project, RuleRow row, Rule.Rounds rule) {
        Rule.Guards guards = rule.guardsOrDefault();
        // Of two rules of one project that look at once, one waits for the other.
        dev.podium.feedback.project.Project.lock(project);
        if (plans.isRuleAtWork(project)) {
            return Optional.of("rounds of a rule are at work, and one chain runs at a time");
        }
        if (decisions.startsToday(project, row.key().name()) >= guards.perDay()) {
            return Optional.of("it has started " + guards.perDay() + " times within " + Decisions.DAY.toHours()
                    + " hours, its maxPerDay");
        }
        long decided = ((Number)
                        entities.createNativeQuery("select count(*) from preference where project_id = :p and decided")
                                .setParameter("p", project)
                                .getSingleResult())
                .longValue();
        if (decided < guards.decidedTasks()) {
            return Optional.of("fewer than " + guards.decidedTasks() + " tasks are decided, its minDecidedTasks");
        }
        return missingChannel(project, rule);
    }

    /** A channel that a step is to start from, and that nobody has made: never taken for the base model. */
    private Optional<String> missingChannel(String project, Rule.Rounds rule) {
        return rule.steps().stream()
                .map(Rule.Step::channel)
                .flatMap(Optional::stream)
                .filter(channel -> channels.find(project, channel).isEmpty())
                .findFirst()
                .map(channel -> "there is no channel " + channel
                        + " to start from: correct startFrom, or point the channel to a version or to the base model");
    }

    private List<PlannedRound> steps(String project, RuleRow row, Rule.Rounds rule, String plan, String reason) {
        List<PlannedRound> steps = new ArrayList<>();
        @Nullable Integer reward = null;
        @Nullable Integer policy = null;
        for (Rule.Step wanted : rule.steps()) {
            RoundKind kind = Objects.requireNonNull(wanted.kind());
            PlannedRound step = new PlannedRound();
            step.id = UUID.randomUUID().toString();
            step.projectId = project;
            step.planId = plan;
            step.step = steps.size() + 1;
            step.kind = kind.name();
            step.rule = row.key().name();
            step.reason = reason;
            step.requestedBy = row.setBy;
            step.needs = steps.isEmpty() ? null : steps.size();
            step.rewardFrom = kind == RoundKind.PPO ? reward : null;
            ObjectNode request = EventJson.mapper().createObjectNode().put("kind", kind.name());
            if (wanted.config() != null) {
                request.set("config", wanted.config());
            }
            if (wanted.startsFromNewest() && policy != null) {
                // The newest there will be by then.
                step.initialFrom = policy;
            } else {
                startFrom(project, wanted).ifPresent(version -> request.put("initialAdapter", version));
            }
            step.request = request.toString();
            steps.add(step);
            reward = kind == RoundKind.REWARD ? Integer.valueOf(step.step) : reward;
            policy = Rule.makesPolicy(kind) ? Integer.valueOf(step.step) : policy;
        }
        return steps;
    }

    private Optional<String> startFrom(String project, Rule.Step step) {
        Optional<String> channel = step.channel();
        if (channel.isPresent()) {
            return channels.find(project, channel.get()).flatMap(ChannelPointer::version);
        }
        if (step.startsFromNewest()) {
            return entities
                    .createNativeQuery(
                            "select version from adapter where project_id = :p and kind = 'POLICY'"
                                    + " order by created_at desc limit 1",
                            String.class)
                    .setParameter("p", project)
                    .getResultList()
                    .stream()
                    .map(String.class::cast)
                    .findFirst();
        }
        return Optional.ofNullable(step.startFrom()).filter(version -> !version.equals("base"));
    }

    // ---- how they go

    @Override
    public Optional<String> succeeded(PlannedRound planned, Optional<AdapterManifest> adapter, boolean last) {
        String name = planned.rule;
        if (name == null || adapter.isEmpty()) {
            return Optional.empty();
        }
        RuleRow row = RuleRow.findById(new RuleRow.Id(planned.projectId, name));
        Rule.Rounds rule = row == null ? null : row.rule().rounds();
        Rule.Guards guards = rule == null ? new Rule.Guards(null, null, null) : rule.guardsOrDefault();
        Optional<String> against = heldOut.against(adapter.get(), guards.drop());
        if (against.isPresent() || !last) {
            return against;
        }
        decisions.add(
                planned.projectId,
                name,
                Decisions.Kind.FINISHED,
                "published " + heldOut.words(adapter.get()),
                Optional.of(planned.planId));
        if (row != null && row.enabled && rule != null && rule.promote() != null) {
            promote(planned, row, rule.promote(), adapter.get());
        }
        return Optional.empty();
    }

    private void promote(PlannedRound planned, RuleRow row, Rule.Promote promote, AdapterManifest adapter) {
        String channel = Objects.requireNonNull(promote.channel());
        Double floor = promote.minHeldOutAccuracy();
        Optional<Double> accuracy = HeldOut.accuracy(adapter);
        if (floor != null && (accuracy.isEmpty() || accuracy.get() < floor)) {
            decisions.add(
                    planned.projectId,
                    row.key().name(),
                    Decisions.Kind.HELD_BACK,
                    heldOut.words(adapter) + "; below " + floor + " nothing is promoted to " + channel,
                    Optional.of(planned.planId));
            return;
        }
        String reason = row.actor() + ": " + heldOut.words(adapter);
        try {
            channels.point(
                    planned.projectId, channel, Optional.of(adapter.version()), Optional.of(reason), row.actor());
            decisions.add(
                    planned.projectId,
                    row.key().name(),
                    Decisions.Kind.PROMOTED,
                    channel + " points to " + heldOut.words(adapter),
                    Optional.of(planned.planId));
        } catch (Refusal e) {
            decisions.add(
                    planned.projectId,
                    row.key().name(),
                    Decisions.Kind.HELD_BACK,
                    channel + " is not changed: " + e.getMessage(),
                    Optional.of(planned.planId));
        }
    }

    @Override
    public void stopped(PlannedRound planned, String why) {
        if (planned.rule != null) {
            decisions.add(
                    planned.projectId,
                    planned.rule,
                    Decisions.Kind.STOPPED,
                    planned.kind + ": " + why,
                    Optional.of(planned.planId));
        }
    }
}
