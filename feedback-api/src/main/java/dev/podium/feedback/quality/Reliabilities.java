package dev.podium.feedback.quality;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.Topics;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.project.Project;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What labelers' votes weigh: estimated from how they agree with one another, set by an operator, and published as
 * events. Nothing changes a weight but these acts.
 */
@Singleton
public class Reliabilities {
    private static final Logger LOG = Logger.getLogger(Reliabilities.class);
    /** Votes of a labeler below which an estimate says nothing yet. */
    private static final int ENOUGH_VOTES = 10;
    /** Pages ask again and again, and the estimate reads thousands of rankings. */
    private static final Duration REMEMBERED = Duration.ofSeconds(10);
    /** Who publishes what follows from a person's erasure. */
    private static final String ERASURE = "erasure";

    private final EntityManager entities;
    private final Outbox outbox;
    private final RecentRankings rankings;
    private final Cache<String, Estimated> estimated =
            Caffeine.newBuilder().expireAfterWrite(REMEMBERED).maximumSize(16).build();

    Reliabilities(EntityManager entities, Outbox outbox, RecentRankings rankings) {
        this.entities = entities;
        this.outbox = outbox;
        this.rankings = rankings;
    }

    /**
     * A labeler's estimate next to what holds now.
     *
     * @param eta probability that a vote is given in earnest
     * @param estimate the weight that follows from it; absent with too few votes to say
     * @param reliability the weight that was published last; 1 before that
     * @param source of it: default, estimated or operator
     */
    public record View(
            String labelerId,
            int votes,
            @Nullable Double eta,
            @Nullable Double estimate,
            double reliability,
            String source,
            @Nullable String by,
            @Nullable String reason,
            @Nullable Instant at) {}

    /** Rankings, and what the estimate says of them. */
    private record Estimated(RecentRankings.Recent recent, CrowdBradleyTerry.Estimate estimate) {}

    private record Published(
            double reliability,
            String source,
            String by,
            @Nullable String reason,
            Instant at) {}

    /** What an estimate would say, of some seconds ago at most, next to what holds. */
    List<View> preview(String project) {
        return views(project, estimated.get(project, this::estimate));
    }

    private List<View> views(String project, Estimated now) {
        Map<String, Published> published = published(project);
        RecentRankings.Recent recent = now.recent();
        CrowdBradleyTerry.Estimate estimate = now.estimate();
        List<String> labelers = new ArrayList<>(recent.labelers());
        published.keySet().stream().filter(l -> !labelers.contains(l)).sorted().forEach(labelers::add);
        List<View> views = new ArrayList<>();
        for (int l = 0; l < labelers.size(); l++) {
            Published holds = published.get(labelers.get(l));
            boolean seen = l < recent.labelers().size();
            int votes = seen ? estimate.votes()[l] : 0;
            views.add(new View(
                    labelers.get(l),
                    votes,
                    votes >= ENOUGH_VOTES ? estimate.eta()[l] : null,
                    votes >= ENOUGH_VOTES ? estimate.weight(l) : null,
                    holds == null ? LabelerReliability.DEFAULT : holds.reliability(),
                    holds == null ? "default" : holds.source(),
                    holds == null ? null : holds.by(),
                    holds == null ? null : holds.reason(),
                    holds == null ? null : holds.at()));
        }
        return views;
    }

    private Estimated estimate(String project) {
        RecentRankings.Recent recent = rankings.of(project);
        List<CrowdBradleyTerry.Vote> votes = new ArrayList<>();
        int[] outputs = new int[recent.tasks().size()];
        for (int t = 0; t < outputs.length; t++) {
            RecentRankings.OfTask task = recent.tasks().get(t);
            outputs[t] = task.outputs().size();
            for (int r = 0; r < task.ranks().length && task.ranks().length > 1; r++) {
                double[] ranks = task.ranks()[r];
                for (int i = 0; i < ranks.length; i++) {
                    for (int j = 0; j < ranks.length; j++) {
                        if (ranks[i] < ranks[j]) {
                            votes.add(new CrowdBradleyTerry.Vote(task.labelers()[r], t, i, j));
                        }
                    }
                }
            }
        }
        return new Estimated(
                recent, CrowdBradleyTerry.estimate(votes, recent.labelers().size(), outputs));
    }

    /**
     * Publishes the estimates of all whose weight no operator has set; must run in a transaction. Returns what holds
     * then.
     */
    List<View> publishEstimates(String project, String by) {
        Project.lock(project);
        long sequence = nextSequence(project);
        int changed = 0;
        Estimated fresh = estimate(project);
        for (View view : views(project, fresh)) {
            boolean theirs = view.source().equals(LabelerReliability.OPERATOR);
            if (!theirs && view.estimate() != null && Math.abs(view.estimate() - view.reliability()) > 1e-6) {
                publish(
                        project,
                        view.labelerId(),
                        view.estimate(),
                        LabelerReliability.ESTIMATED,
                        sequence,
                        by,
                        String.format(Locale.ROOT, "eta %.3f from %d votes", view.eta(), view.votes()));
                changed++;
            }
        }
        LOG.infof("the reliability of %d labelers of %s is published by %s", changed, project, by);
        return views(project, fresh);
    }

    /** Sets a labeler's weight by hand; must run in a transaction. */
    void override(String project, String labeler, double reliability, String by, @Nullable String reason) {
        Project.lock(project);
        publish(
                project,
                labeler,
                reliability,
                LabelerReliability.OPERATOR,
                nextSequence(project),
                by,
                reason == null ? "" : reason);
    }

    /** Takes a weight set by hand back: 1 until the next estimate. Must run in a transaction. */
    boolean withdraw(String project, String labeler, String by) {
        Project.lock(project);
        Published now = published(project).get(labeler);
        if (now == null || !now.source().equals(LabelerReliability.OPERATOR)) {
            return false;
        }
        publish(
                project,
                labeler,
                LabelerReliability.DEFAULT,
                LabelerReliability.ESTIMATED,
                nextSequence(project),
                by,
                "the operator's weight is taken back");
        return true;
    }

    /**
     * For a name that goes: its weight is as if nothing had been said, and holds for the pseudonym where there is one. Must
     * run in a transaction.
     */
    public void rename(String labeler, Optional<String> pseudonym) {
        List<?> projects = entities.createNativeQuery(
                        "select project_id from labeler_reliability where labeler = :l order by project_id",
                        String.class)
                .setParameter("l", labeler)
                .getResultList();
        for (Object each : projects) {
            String project = (String) each;
            Project.lock(project);
            Published now = published(project).get(labeler);
            if (now == null) {
                continue;
            }
            long sequence = nextSequence(project);
            publish(project, labeler, LabelerReliability.DEFAULT, LabelerReliability.ESTIMATED, sequence, ERASURE, "");
            pseudonym.ifPresent(to -> publish(project, to, now.reliability(), now.source(), sequence, ERASURE, ""));
        }
        entities.createNativeQuery("delete from labeler_reliability where labeler = :l")
                .setParameter("l", labeler)
                .executeUpdate();
    }

    private void publish(
            String project, String labeler, double weight, String source, long sequence, String by, String reason) {
        Instant now = Clock.systemUTC().instant();
        LabelerReliability event = new LabelerReliability(
                project,
                labeler,
                weight,
                source,
                sequence,
                by,
                Optional.of(reason).filter(r -> !r.isBlank()),
                now);
        entities.createNativeQuery("insert into labeler_reliability (project_id, labeler, reliability, source,"
                        + " sequence, published_by, reason, published_at)"
                        + " values (:p, :l, :r, :source, :sequence, :by, :reason, :at)"
                        + " on conflict (project_id, labeler) do update set reliability = excluded.reliability,"
                        + " source = excluded.source, sequence = excluded.sequence,"
                        + " published_by = excluded.published_by, reason = excluded.reason,"
                        + " published_at = excluded.published_at")
                .setParameter("p", project)
                .setParameter("l", labeler)
                .setParameter("r", weight)
                .setParameter("source", source)
                .setParameter("sequence", sequence)
                .setParameter("by", by)
                .setParameter("reason", reason)
                .setParameter("at", now)
                .executeUpdate();
        String key = LabelerStatistics.key(project, labeler);
        outbox.add(Topics.RELIABILITIES, key, UUID.randomUUID().toString(), key, event, now);
    }

    /** Under the project's lock. */
    private long nextSequence(String project) {
        return ((Number) entities.createNativeQuery(
                                "select coalesce(max(sequence), 0) + 1 from labeler_reliability where project_id = :p",
                                Long.class)
                        .setParameter("p", project)
                        .getSingleResult())
                .longValue();
    }

    private Map<String, Published> published(String project) {
        Map<String, Published> all = new HashMap<>();
        List<Tuple> rows = entities.createNativeQuery(
                        "select labeler, reliability, source, published_by, reason, published_at"
                                + " from labeler_reliability where project_id = :p",
                        Tuple.class)
                .setParameter("p", project)
                .getResultList();
        for (Tuple row : rows) {
            all.put(
                    row.get(0, String.class),
                    new Published(
                            row.get(1, Double.class),
                            row.get(2, String.class),
                            row.get(3, String.class),
                            row.get(4, String.class),
                            instant(row.get(5))));
        }
        return all;
    }

    /** A time as Hibernate gives it for a native query. */
    static Instant instant(Object time) {
        return time instanceof java.time.OffsetDateTime offset
                ? offset.toInstant()
                : time instanceof java.sql.Timestamp stamp ? stamp.toInstant() : (Instant) time;
    }

    /** Publishes where a project's rules say so and the time has come; of several instances one does it. */
    @Scheduled(every = "10m", delayed = "2m", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void publishWhatIsDue() {
        for (String project : QuarkusTransaction.requiringNew().call(this::due)) {
            QuarkusTransaction.requiringNew().run(() -> {
                Project.lock(project);
                if (due().contains(project)) {
                    entities.createNativeQuery("update work_rules set estimated_at = :now where project_id = :p")
                            .setParameter("now", Clock.systemUTC().instant())
                            .setParameter("p", project)
                            .executeUpdate();
                    publishEstimates(project, "schedule");
                }
            });
        }
    }

    private List<String> due() {
        Object[] found = entities.createNativeQuery(
                        "select project_id from work_rules where estimate_every_hours > 0"
                                + " and coalesce(estimated_at, '-infinity')"
                                + " < now() - make_interval(hours => estimate_every_hours) order by project_id",
                        String.class)
                .getResultList()
                .toArray();
        return Arrays.stream(found).map(String.class::cast).toList();
    }
}
