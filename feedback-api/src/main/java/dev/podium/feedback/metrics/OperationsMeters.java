package dev.podium.feedback.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduled.ConcurrentExecution;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.PersistenceException;
import jakarta.persistence.Tuple;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jboss.logging.Logger;

/**
 * Gauges read from the database every few seconds, so that a scrape costs nothing: the outbox's oldest event, and what
 * services run against what their channels say. Each instance tells the same; take the largest.
 */
@Singleton
public class OperationsMeters {
    private static final Logger LOG = Logger.getLogger(OperationsMeters.class);

    // A few indexed rows; load reports are one per instance of a service.
    private static final String OUTBOX = "select coalesce(extract(epoch from now() - min(created_at)), 0), count(*)"
            + " from outbox where refused is null";
    private static final String SERVICES = """
            with pointer as (
              select distinct on (project_id, channel) project_id, channel, sequence
                from channel_change order by project_id, channel, sequence desc),
            load as (
              select body::jsonb as b from adapter_load)
            select p.project_id as project, p.channel as channel, count(*) as instances,
                   count(*) filter (where (b ->> 'sequence')::bigint < p.sequence) as behind,
                   count(*) filter (where b ->> 'status' = 'REFUSED') as refused,
                   extract(epoch from now() - max((b ->> 'at')::timestamptz)) as age
              from pointer p join load on b ->> 'projectId' = p.project_id and b ->> 'channel' = p.channel
             group by p.project_id, p.channel
            """;

    private final EntityManager entities;
    private final AtomicReference<Double> oldestSeconds = new AtomicReference<>(0.0);
    private final AtomicReference<Double> waiting = new AtomicReference<>(0.0);
    private final MultiGauge instances;
    private final MultiGauge behind;
    private final MultiGauge refused;
    private final MultiGauge age;

    OperationsMeters(EntityManager entities, MeterRegistry registry) {
        this.entities = entities;
        registry.gauge("podium.outbox.oldest.seconds", oldestSeconds, AtomicReference::get);
        registry.gauge("podium.outbox.waiting", waiting, AtomicReference::get);
        this.instances = gauge(registry, "podium.service.instances", "Instances that have reported for a channel");
        this.behind =
                gauge(registry, "podium.service.instances.behind", "Instances that have not followed the pointer");
        this.refused =
                gauge(registry, "podium.service.instances.refused", "Instances that refused what they were given");
        this.age = gauge(registry, "podium.service.last.load.seconds", "Seconds since an instance reported a load");
    }

    private static MultiGauge gauge(MeterRegistry registry, String name, String description) {
        return MultiGauge.builder(name).description(description).register(registry);
    }

    @Scheduled(every = "5s", concurrentExecution = ConcurrentExecution.SKIP)
    void look() {
        try {
            QuarkusTransaction.requiringNew().run(this::read);
        } catch (PersistenceException e) {
            // Said by readiness already; the gauges keep what was last seen.
            LOG.debugf("the gauges of operations were not read: %s", e.getMessage());
        }
    }

    private void read() {
        Tuple outbox = (Tuple) entities.createNativeQuery(OUTBOX, Tuple.class).getSingleResult();
        oldestSeconds.set(Math.max(0, number(outbox.get(0))));
        waiting.set(number(outbox.get(1)));
        @SuppressWarnings("unchecked")
        List<Tuple> services = entities.createNativeQuery(SERVICES, Tuple.class).getResultList();
        instances.register(rows(services, "instances"), true);
        behind.register(rows(services, "behind"), true);
        refused.register(rows(services, "refused"), true);
        age.register(rows(services, "age"), true);
    }

    private static List<MultiGauge.Row<?>> rows(List<Tuple> services, String column) {
        return services.stream()
                .<MultiGauge.Row<?>>map(row -> MultiGauge.Row.of(
                        Tags.of("project", (String) row.get("project"), "channel", (String) row.get("channel")),
                        number(row.get(column))))
                .toList();
    }

    private static double number(Object value) {
        return ((Number) value).doubleValue();
    }
}
