package dev.podium.feedback.round;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundEvent;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Rounds with what the projection knows of them. */
@Singleton
class RoundViews {
    private final EntityManager entities;

    RoundViews(EntityManager entities) {
        this.entities = entities;
    }

    static RoundRow required(String id) {
        RoundRow row = RoundRow.findById(id);
        if (row == null) {
            throw Refusal.notFound("Round " + id);
        }
        return row;
    }

    RoundView of(RoundRow row) {
        try {
            List<RoundEvent> events = new ArrayList<>();
            for (String body : bodies(row.id)) {
                events.add(EventJson.read(body.getBytes(StandardCharsets.UTF_8), RoundEvent.class));
            }
            return RoundView.of(row, EventJson.mapper().readTree(row.command), events);
        } catch (InvalidEventException | JsonProcessingException e) {
            throw new IllegalStateException("the stored events of round " + row.id + " cannot be read", e);
        }
    }

    /** The round's events as JSON, oldest first. */
    @SuppressWarnings("unchecked")
    List<String> bodies(String round) {
        return entities.createNativeQuery(
                        "select body from round_event where round_id = :id order by \"offset\"", String.class)
                .setParameter("id", round)
                .getResultList();
    }
}
