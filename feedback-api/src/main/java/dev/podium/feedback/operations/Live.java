package dev.podium.feedback.operations;

import dev.podium.contracts.Topics;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.operators.multi.processors.BroadcastProcessor;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.jboss.logging.Logger;

/**
 * Tells pages which of their parts may have changed; they ask for these again. Once a second one small query for all
 * who watch looks how far topics were read and how many events were written, by whichever instance.
 */
@Singleton
class Live {
    private static final Logger LOG = Logger.getLogger(Live.class);
    private static final int MOST_WATCHERS = 500;
    private static final int HELD_HINTS = 64;
    // Access is checked when a page begins to watch; so it begins anew now and then.
    private static final Duration LONGEST = Duration.ofMinutes(5);
    private static final int LOOKS_PER_OPERATIONS_HINT = 3;

    private static final String OUTBOX = "outbox";
    private static final Map<String, List<String>> PARTS = Map.of(
            OUTBOX,
            List.of("progress", "rounds", "channels"),
            Topics.PREFERENCES,
            List.of("progress", "statistics"),
            Topics.LABELERS,
            List.of("progress"),
            Topics.ROUND_EVENTS,
            List.of("rounds"),
            Topics.ADAPTERS,
            List.of("adapters"),
            Topics.ADAPTER_LOADS,
            List.of("loads"),
            Topics.SAMPLES,
            List.of("progress"),
            "decisions",
            List.of("automation"),
            "planned",
            List.of("automation"),
            "audit",
            List.of("audit"));

    private final EntityManager entities;
    private final BroadcastProcessor<Hint> hints = BroadcastProcessor.create();
    private final AtomicInteger watchers = new AtomicInteger();
    private final Map<String, Long> seen = new HashMap<>();
    private boolean moved;
    private int looks;

    Live(EntityManager entities) {
        this.entities = entities;
    }

    /** Parts of pages that may have changed. */
    public record Hint(List<String> parts) {}

    /** Hints from now on, the first at once; ends after some minutes, when the page asks again. */
    Multi<Hint> watch() {
        if (watchers.incrementAndGet() > MOST_WATCHERS) {
            watchers.decrementAndGet();
            throw new dev.podium.feedback.rest.Refusal(
                    429, "too_many_watchers", MOST_WATCHERS + " pages are watched already; close some.");
        }
        // Who is too slow for the hints begins anew, and then sees everything.
        return Multi.createBy()
                .concatenating()
                .streams(
                        Multi.createFrom().item(new Hint(List.of())),
                        hints.onOverflow().buffer(HELD_HINTS))
                .select()
                .first(LONGEST)
                .onTermination()
                .invoke(watchers::decrementAndGet);
    }

    @Scheduled(every = "1s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void look() {
        if (watchers.get() == 0) {
            return;
        }
        TreeSet<String> parts = new TreeSet<>();
        if (moved) {
            // A position is drawn before its event is committed: who asked at once may have been too early.
            parts.addAll(PARTS.getOrDefault(OUTBOX, List.of()));
            moved = false;
        }
        try {
            marks().forEach((what, mark) -> {
                if (!mark.equals(seen.put(what, mark))) {
                    parts.addAll(PARTS.getOrDefault(what, List.of()));
                    moved |= what.equals(OUTBOX);
                }
            });
        } catch (RuntimeException e) {
            LOG.debug("nothing can be said of what is new", e);
        }
        if (++looks % LOOKS_PER_OPERATIONS_HINT == 0) {
            // Lag and age change by themselves.
            parts.add("operations");
        }
        if (!parts.isEmpty()) {
            hints.onNext(new Hint(List.copyOf(parts)));
        }
    }

    private Map<String, Long> marks() {
        Map<String, Long> marks = new HashMap<>();
        List<Tuple> rows = QuarkusTransaction.requiringNew()
                .call(() -> entities.createNativeQuery(
                                "select topic as what, cast(sum(next_offset) as bigint) as mark from"
                                        + " projection_position group by topic union all select 'outbox', last_value from"
                                        + " outbox_position_seq union all select 'decisions', coalesce(max(position), 0)"
                                        + " from rule_decision union all select 'planned', coalesce(cast(extract(epoch"
                                        + " from max(changed_at)) * 1000000 as bigint), 0) from planned_round union all select 'audit', coalesce(max(sequence), 0) from"
                                        + " audit_entry",
                                Tuple.class)
                        .getResultList());
        for (Tuple row : rows) {
            marks.put(
                    row.get("what", String.class), row.get("mark", Number.class).longValue());
        }
        return marks;
    }
}
