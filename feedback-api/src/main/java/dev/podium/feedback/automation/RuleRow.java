package dev.podium.feedback.automation;

import dev.podium.feedback.rest.Bodies;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Embeddable;
import jakarta.persistence.EmbeddedId;
import jakarta.persistence.Entity;
import jakarta.persistence.Table;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A rule of a project. */
@Entity
@Table(name = "rule")
public class RuleRow extends PanacheEntityBase {
    @EmbeddedId
    public @Nullable Id id;

    public boolean enabled;
    public String body = "";

    @Column(name = "set_by")
    public String setBy = "";

    @Column(name = "set_at")
    public Instant setAt = Instant.EPOCH;

    @Column(name = "looked_at")
    public @Nullable Instant lookedAt;

    @Column(name = "last_refusal")
    public @Nullable String lastRefusal;

    /** Project and name. */
    @Embeddable
    public record Id(@Column(name = "project_id") String projectId, String name) {}

    Id key() {
        return id == null ? new Id("", "") : id;
    }

    Rule rule() {
        return Bodies.parse(body.getBytes(StandardCharsets.UTF_8), Rule.class);
    }

    /** Who acts where the rule does. */
    String actor() {
        return "rule " + key().name() + " (set by " + setBy + ")";
    }
}
