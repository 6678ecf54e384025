package dev.podium.feedback.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduled.ConcurrentExecution;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.PersistenceException;
import jakarta.persistence.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jboss.logging.Logger;

/**
 * Gauges read from the database every few seconds, so that a scrape costs nothing: the outbox's oldest event, and what
 * services run against what their channels say. Each instance tells the same; take the largest. Whether the database
 * answers is each instance's own.
 */
@Singleton
public class OperationsMeters {
    private static final Logger LOG = Logger.getLogger(OperationsMeters.class);

    // A few indexed rows; load reports are one per instance of a service. An instance that reports regularly and has
    // been silent for a day is gone for good. One that only waits for a store has not refused anything (as in
    // ChannelRules).
    private static final String OUTBOX = """
            select coalesce(extract(epoch from now() - min(created_at) filter (where refused is null)), 0),
                   count(*) filter (where refused is null), count(*) filter (where refused is not null)
              from outbox
            """;
    private static final String SERVICES = """
            with pointer as (
              select distinct on (project_id, channel) project_id, channel, sequence
                from channel_change order by project_id, channel, sequence desc),
            load as (
              select b, b ->> 'projectId' as project_id, b ->> 'channel' as channel,
                     (b ->> 'sequence')::bigint as sequence,
                     b ->> 'reportsEverySeconds' is not null as regular,
                     extract(epoch from now() - (b ->> 'at')::timestamptz) as age
                from (select body::jsonb as b from adapter_load) report)
            select p.project_id as project, p.channel as channel, count(l.b) as instances,
                   count(*) filter (where l.sequence < p.sequence) as behind,
                   count(*) filter (where l.sequence = p.sequence and l.b ->> 'status' = 'REFUSED'
                                      and not coalesce((l.b ->> 'retrying')::boolean, false)) as refused,
                   max(l.age) filter (where l.regular) as age
              from pointer p left join load l on l.project_id = p.project_id and l.channel = p.channel
               and not (l.regular and l.age > 86400)
             group by p.project_id, p.channel
            """;

    private final EntityManager entities;
    private final MeterRegistry registry;
    private final AtomicReference<Double> oldestSeconds = new AtomicReference<>(0.0);
    private final AtomicReference<Double> waiting = new AtomicReference<>(0.0);
    private final AtomicReference<Double> refusedEvents = new AtomicReference<>(0.0);
    // Three looks: one that takes its time is no outage.
    private final LastAnswer database = new LastAnswer(Duration.ofSeconds(15), System::nanoTime);
    private final MultiGauge instances;
    private final MultiGauge behind;
    private final MultiGauge refused;
    private final MultiGauge age;

    OperationsMeters(EntityManager entities, MeterRegistry registry) {
        this.entities = entities;
        this.registry = registry;
        registry.gauge("podium.outbox.oldest.seconds", oldestSeconds, AtomicReference::get);
        registry.gauge("podium.outbox.waiting", waiting, AtomicReference::get);
        registry.gauge("podium.outbox.refused", refusedEvents, AtomicReference::get);
        registry.gauge("podium.database.up", database, LastAnswer::value);
        this.instances = gauge(registry, "podium.service.instances", "Instances that have reported for a channel");
        this.behind =
                gauge(registry, "podium.service.instances.behind", "Instances that have not followed the pointer");
        this.refused =
                gauge(registry, "podium.service.instances.refused", "Instances that refused the pointer for good");
        this.age = gauge(
                registry,
                "podium.service.last.load.seconds",
                "Seconds since the last report of the instance that has been silent longest");
    }

    private static MultiGauge gauge(MeterRegistry registry, String name, String description) {
        return MultiGauge.builder(name).description(description).register(registry);
    }

    /**
     * Where one process starts the application again, as tests do, the registry stays; a gauge of the same name would
     * tell of the object that it was made for, which is gone.
     */
    void stop(@Observes ShutdownEvent event) {
        registry.clear();
    }

    @Scheduled(every = "5s", concurrentExecution = ConcurrentExecution.SKIP)
    void look() {
        boolean answered = false;
        try {
            QuarkusTransaction.requiringNew().run(this::read);
            answered = true;
        } catch (PersistenceException e) {
            // Said by readiness already; the gauges keep what was last seen.
            LOG.debugf("the gauges of operations were not read: %s", e.getMessage());
        } finally {
            if (answered) {
                database.came();
            } else {
                database.failed();
            }
        }
    }

    private void read() {
        Tuple outbox = (Tuple) entities.createNativeQuery(OUTBOX, Tuple.class).getSingleResult();
        oldestSeconds.set(Math.max(0, number(outbox.get(0))));
        waiting.set(number(outbox.get(1)));
        refusedEvents.set(number(outbox.get(2)));
        @SuppressWarnings("unchecked")
        List<Tuple> services = entities.createNativeQuery(SERVICES, Tuple.class).getResultList();
        instances.register(rows(services, "instances"), true);
        behind.register(rows(services, "behind"), true);
        refused.register(rows(services, "refused"), true);
        age.register(rows(services, "age"), true);
    }

    private static List<MultiGauge.Row<?>> rows(List<Tuple> services, String column) {
        return services.stream()
                .filter(row -> row.get(column) != null)
                .<MultiGauge.Row<?>>map(row -> MultiGauge.Row.of(
                        Tags.of("project", (String) row.get("project"), "channel", (String) row.get("channel")),
                        number(row.get(column))))
                .toList();
    }

    private static double number(Object value) {
        return ((Number) value).doubleValue();
    }
}
