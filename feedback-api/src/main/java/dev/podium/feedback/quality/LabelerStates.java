package dev.podium.feedback.quality;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.time.Clock;

/** Who may not go on for now. All of it must run in a transaction. */
@Singleton
public class LabelerStates {
    /** Who pauses somebody by the known answers. */
    static final String GOLD = "gold tasks";

    private final EntityManager entities;

    LabelerStates(EntityManager entities) {
        this.entities = entities;
    }

    /** Pauses a labeler; who is paused stays so, for the first reason. */
    void pause(String project, String labeler, String by, String reason) {
        entities.createNativeQuery("insert into labeler_state (project_id, labeler, paused_at, paused_by, pause_reason)"
                        + " values (:p, :l, :at, :by, :reason) on conflict (project_id, labeler) do update set"
                        + " paused_at = excluded.paused_at, paused_by = excluded.paused_by,"
                        + " pause_reason = excluded.pause_reason where labeler_state.paused_at is null")
                .setParameter("p", project)
                .setParameter("l", labeler)
                .setParameter("at", Clock.systemUTC().instant())
                .setParameter("by", by)
                .setParameter("reason", reason)
                .executeUpdate();
    }

    /** Lets a labeler go on; known answers count from now. Returns whether the labeler was paused. */
    boolean resume(String project, String labeler) {
        return entities.createNativeQuery("update labeler_state set paused_at = null, paused_by = null,"
                                + " pause_reason = null, gold_since = :now where project_id = :p and labeler = :l"
                                + " and paused_at is not null")
                        .setParameter("p", project)
                        .setParameter("l", labeler)
                        .setParameter("now", Clock.systemUTC().instant())
                        .executeUpdate()
                == 1;
    }
}
