package dev.podium.feedback.ranking;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RankingEvent.RankingRetracted;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Topics;
import dev.podium.feedback.outbox.Outbox;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Takes all rankings of a labeler from their name: to a pseudonym, without comments, or back altogether. */
@Singleton
public class Renaming {
    private static final int FLUSH_EVERY = 200;

    private final EntityManager entities;
    private final Outbox outbox;

    Renaming(EntityManager entities, Outbox outbox) {
        this.entities = entities;
        this.outbox = outbox;
    }

    /**
     * Retracts each ranking, and submits it under the pseudonym where there is one; both events have the task's key, so
     * they are read in this order. Must run in a transaction. Returns how many rankings counted.
     */
    public long rename(String labeler, Optional<String> pseudonym) {
        List<?> tasks = entities.createNativeQuery(
                        "select task_id from ranking where labeler = :labeler order by task_id", String.class)
                .setParameter("labeler", labeler)
                .getResultList();
        long counted = 0;
        int seen = 0;
        for (Object task : tasks) {
            if (one((String) task, labeler, pseudonym)) {
                counted++;
            }
            if (++seen % FLUSH_EVERY == 0) {
                entities.flush();
                entities.clear();
            }
        }
        entities.flush();
        return counted;
    }

    private boolean one(String task, String labeler, Optional<String> pseudonym) {
        // The task's lock first, as everywhere.
        entities.createNativeQuery("select id from task where id = :task for update", String.class)
                .setParameter("task", task)
                .getResultList();
        List<Tuple> found = entities.createNativeQuery(
                        "select project_id, revision, retracted, body from ranking where task_id = :task"
                                + " and labeler = :labeler",
                        Tuple.class)
                .setParameter("task", task)
                .setParameter("labeler", labeler)
                .getResultList();
        if (found.isEmpty()) {
            return false;
        }
        Tuple row = found.getFirst();
        if (row.get("retracted", Boolean.class)) {
            delete(task, labeler);
            return false;
        }
        Instant now = Clock.systemUTC().instant();
        RankingRetracted retracted = new RankingRetracted(
                UUID.randomUUID().toString(),
                row.get("project_id", String.class),
                task,
                labeler,
                row.get("revision", Number.class).intValue() + 1,
                Optional.of("erased"),
                now);
        outbox.add(Topics.RANKINGS, task, retracted.eventId(), task, retracted, now);
        if (pseudonym.isPresent()) {
            RankingSubmitted again = under(pseudonym.get(), row.get("body", String.class));
            outbox.add(Topics.RANKINGS, task, again.eventId(), task, again, now);
            entities.createNativeQuery("update ranking set labeler = :pseudonym, revision = 1, body = :body"
                            + " where task_id = :task and labeler = :labeler")
                    .setParameter("pseudonym", pseudonym.get())
                    .setParameter("body", EventJson.writeText(again))
                    .setParameter("task", task)
                    .setParameter("labeler", labeler)
                    .executeUpdate();
        } else {
            delete(task, labeler);
            entities.createNativeQuery("update task set taken = taken - 1 where id = :task")
                    .setParameter("task", task)
                    .executeUpdate();
        }
        return true;
    }

    private void delete(String task, String labeler) {
        entities.createNativeQuery("delete from ranking where task_id = :task and labeler = :labeler")
                .setParameter("task", task)
                .setParameter("labeler", labeler)
                .executeUpdate();
    }

    /** As it was said, but by somebody else, and without words of their own. */
    private static RankingSubmitted under(String pseudonym, String body) {
        try {
            ObjectNode event = (ObjectNode) EventJson.mapper().readTree(body);
            event.put("eventId", UUID.randomUUID().toString());
            event.put("labelerId", pseudonym);
            event.put("revision", 1);
            event.remove("comment");
            return EventJson.mapper().treeToValue(event, RankingSubmitted.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a stored ranking cannot be read", e);
        }
    }
}
