package dev.podium.feedback.adapter;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * Rules that roll a channel back when its services report refusals or errors. A rule acts once: after a change that a
 * rule made, it waits until a person has changed the channel. What it did stands in the channel's history.
 */
@Singleton
public class ChannelRules {
    /** Who makes an automatic change. */
    static final String BY = "rule";

    private static final Logger LOG = Logger.getLogger(ChannelRules.class);

    private final EntityManager entities;
    private final Channels channels;
    private final Duration pause;
    private volatile boolean running;
    private Thread thread = new Thread();

    ChannelRules(
            EntityManager entities,
            Channels channels,
            @ConfigProperty(name = "podium.channels.rule-seconds") int seconds) {
        this.entities = entities;
        this.channels = channels;
        this.pause = Duration.ofSeconds(seconds);
    }

    /**
     * When a channel is rolled back, or its canary ended.
     *
     * @param refusedInstances so many instances refuse the version for good; 0: refusals are of no matter
     * @param errorPercent more errors than this among the requests; 0: errors are of no matter
     * @param minRequests before which errors are not judged
     */
    public record Rule(
            int refusedInstances, double errorPercent, long minRequests, String changedBy, Instant changedAt) {}

    void start(@Observes StartupEvent event) {
        running = true;
        thread = new Thread(this::watch, "channel-rules");
        thread.setDaemon(true);
        thread.start();
    }

    void stop(@Observes ShutdownEvent event) throws InterruptedException {
        running = false;
        thread.interrupt();
        thread.join(Duration.ofSeconds(5));
    }

    private void watch() {
        while (running) {
            try {
                Thread.sleep(pause);
                check();
            } catch (InterruptedException e) {
                return;
            } catch (RuntimeException e) {
                LOG.warnf("the channels' rules are not checked now: %s", e.toString());
            }
        }
    }

    /** A channel's rule. */
    Optional<Rule> rule(String project, String channel) {
        List<?> rows = entities.createNativeQuery("select refused_instances, error_percent, min_requests, changed_by,"
                        + " cast(extract(epoch from changed_at) * 1000 as bigint) from channel_rule"
                        + " where project_id = :p and channel = :c")
                .setParameter("p", project)
                .setParameter("c", channel)
                .getResultList();
        if (rows.isEmpty()) {
            return Optional.empty();
        }
        Object[] row = (Object[]) rows.getFirst();
        return Optional.of(new Rule(
                ((Number) row[0]).intValue(),
                ((Number) row[1]).doubleValue(),
                ((Number) row[2]).longValue(),
                (String) row[3],
                Instant.ofEpochMilli(((Number) row[4]).longValue())));
    }

    /** Sets a channel's rule; must run in a transaction. */
    Rule set(String project, String channel, int refused, double errorPercent, long minRequests, String by) {
        Project.lock(project);
        if (channels.now(project, channel).isEmpty()) {
            throw Refusal.notFound("Channel " + channel);
        }
        if (refused < 0 || !(errorPercent >= 0 && errorPercent <= 100) || minRequests < 1) {
            throw Refusal.unprocessable(
                    "invalid_rule",
                    "refusedInstances must be 0 or more, errorPercent 0 to 100, minRequests 1 or more.");
        }
        if (refused == 0 && errorPercent == 0) {
            throw Refusal.unprocessable(
                    "invalid_rule",
                    "A rule needs refusedInstances or errorPercent above 0; delete it to switch it off.");
        }
        entities.createNativeQuery("insert into channel_rule (project_id, channel, refused_instances, error_percent,"
                        + " min_requests, changed_by, changed_at) values (:p, :c, :r, :e, :m, :u, :a)"
                        + " on conflict (project_id, channel) do update set"
                        + " refused_instances = excluded.refused_instances, error_percent = excluded.error_percent,"
                        + " min_requests = excluded.min_requests, changed_by = excluded.changed_by,"
                        + " changed_at = excluded.changed_at")
                .setParameter("p", project)
                .setParameter("c", channel)
                .setParameter("r", refused)
                .setParameter("e", errorPercent)
                .setParameter("m", minRequests)
                .setParameter("u", by)
                .setParameter("a", Clock.systemUTC().instant())
                .executeUpdate();
        return rule(project, channel).orElseThrow();
    }

    /** Switches a channel's rule off; must run in a transaction. */
    void remove(String project, String channel) {
        Project.lock(project);
        entities.createNativeQuery("delete from channel_rule where project_id = :p and channel = :c")
                .setParameter("p", project)
                .setParameter("c", channel)
                .executeUpdate();
    }

    /** Looks at every channel that has a rule, and acts. */
    void check() {
        List<?> ruled = QuarkusTransaction.requiringNew()
                .call(() -> entities.createNativeQuery("select project_id, channel from channel_rule order by 1, 2")
                        .getResultList());
        for (Object row : ruled) {
            Object[] names = (Object[]) row;
            try {
                QuarkusTransaction.requiringNew().run(() -> check((String) names[0], (String) names[1]));
            } catch (Refusal e) {
                LOG.warnf("channel %s/%s: its rule cannot act: %s", names[0], names[1], e.getMessage());
            }
        }
    }

    private void check(String project, String channel) {
        // The lock makes it once, also with several instances of this application.
        Project.lock(project);
        Optional<Rule> rule = rule(project, channel);
        Optional<Channels.Changed> now = channels.now(project, channel);
        if (rule.isEmpty() || now.isEmpty() || now.get().automatic()) {
            return;
        }
        ChannelPointer pointer = now.get().pointer();
        List<AdapterLoad> loads = loads(project, channel, pointer.sequence());
        if (pointer.canary().isPresent()) {
            String version = pointer.canary().get().version();
            Optional<String> why = verdict(rule.get(), version, canary(loads, version));
            if (why.isPresent()) {
                channels.endTrial(project, channel, why, BY, true);
                LOG.warnf("channel %s/%s: the trial of %s is ended: %s", project, channel, version, why.get());
                return;
            }
        }
        String version = pointer.version().orElse("the base model");
        Optional<String> why = verdict(rule.get(), version, stable(loads, pointer));
        if (why.isPresent()) {
            channels.rollBack(project, channel, why, BY, true);
            LOG.warnf("channel %s/%s: %s is rolled back: %s", project, channel, version, why.get());
        }
    }

    private record Tally(int refused, long requests, long errors) {}

    private static Optional<String> verdict(Rule rule, String version, Tally tally) {
        if (rule.refusedInstances() > 0 && tally.refused() >= rule.refusedInstances()) {
            return Optional.of(tally.refused() + " instances refuse " + version);
        }
        double percent = tally.requests() == 0 ? 0 : 100.0 * tally.errors() / tally.requests();
        if (rule.errorPercent() > 0 && tally.requests() >= rule.minRequests() && percent > rule.errorPercent()) {
            return Optional.of(String.format(
                    Locale.ROOT,
                    "%.1f%% errors in %d requests of %s, the rule allows %.1f%%",
                    percent,
                    tally.requests(),
                    version,
                    rule.errorPercent()));
        }
        return Optional.empty();
    }

    private static Tally canary(List<AdapterLoad> loads, String version) {
        int refused = 0;
        long requests = 0;
        long errors = 0;
        for (AdapterLoad load : loads) {
            if (refuses(load, Optional.of(version))) {
                refused++;
            }
            if (load.traffic().isPresent()) {
                AdapterLoad.Traffic traffic = load.traffic().get();
                boolean all = load.runningVersion().equals(Optional.of(version));
                requests += all ? traffic.requests() : traffic.canaryRequests();
                errors += all ? traffic.errors() : traffic.canaryErrors();
            }
        }
        return new Tally(refused, requests, errors);
    }

    private static Tally stable(List<AdapterLoad> loads, ChannelPointer pointer) {
        int refused = 0;
        long requests = 0;
        long errors = 0;
        for (AdapterLoad load : loads) {
            if (refuses(load, pointer.version())) {
                refused++;
            }
            if (load.traffic().isPresent() && load.runningVersion().equals(pointer.version())) {
                requests += load.traffic().get().requests();
                errors += load.traffic().get().errors();
            }
        }
        return new Tally(refused, requests, errors);
    }

    /** For good: an instance that tries again by itself has met a store or a disk, not a bad adapter. */
    private static boolean refuses(AdapterLoad load, Optional<String> version) {
        return load.status() == AdapterLoad.Status.REFUSED
                && !load.retrying().orElse(false)
                && load.requestedVersion().equals(version);
    }

    /** What instances report about the channel as it is now; older reports are of what was before. */
    private List<AdapterLoad> loads(String project, String channel, long sequence) {
        List<AdapterLoad> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select body from adapter_load where project_id = :p", String.class)
                .setParameter("p", project)
                .getResultList()) {
            try {
                AdapterLoad load = EventJson.read(((String) body).getBytes(StandardCharsets.UTF_8), AdapterLoad.class);
                if (load.channel().equals(channel) && load.sequence() == sequence) {
                    all.add(load);
                }
            } catch (InvalidEventException e) {
                throw new IllegalStateException("a stored load report cannot be read", e);
            }
        }
        return all;
    }
}
