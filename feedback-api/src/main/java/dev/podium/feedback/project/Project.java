package dev.podium.feedback.project;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RankingRules;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.time.Instant;

/** A labeling project. */
@Entity
public class Project extends PanacheEntityBase {
    @Id
    public String id = "";

    public String name = "";
    public String guidelines = "";

    @Column(name = "base_model")
    public String baseModel = "";

    @Column(name = "rules")
    public String rulesJson = "{}";

    @Column(name = "last_version", updatable = false)
    public long lastVersion;

    @Column(name = "created_at")
    public Instant createdAt = Instant.EPOCH;

    /** The project, or a 404. */
    public static Project required(String id) {
        Project project = findById(id);
        if (project == null) {
            throw Refusal.notFound("Project " + id);
        }
        return project;
    }

    /** Locks the project's row until the transaction ends, or answers 404. */
    public static void lock(String id) {
        if (getEntityManager()
                .createNativeQuery("select id from project where id = :id for update", String.class)
                .setParameter("id", id)
                .getResultList()
                .isEmpty()) {
            throw Refusal.notFound("Project " + id);
        }
    }

    /** The next adapter version; the row stays locked until the transaction ends. */
    public static String nextVersion(String id) {
        // Counted by the database: an entity that was loaded before the lock would count from what it saw then.
        return "v"
                + getEntityManager()
                        .createNativeQuery(
                                "update project set last_version = last_version + 1 where id = :id"
                                        + " returning last_version",
                                Long.class)
                        .setParameter("id", id)
                        .getSingleResult();
    }

    public RankingRules rules() {
        try {
            return EventJson.mapper().readValue(rulesJson, RankingRules.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the rules of project " + id + " cannot be read", e);
        }
    }
}
