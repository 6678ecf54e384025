package dev.podium.feedback.exclusion;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Embeddable;
import jakarta.persistence.EmbeddedId;
import jakarta.persistence.Entity;
import jakarta.persistence.Table;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A labeler whose rankings do not count in a project. */
@Entity
@Table(name = "excluded_labeler")
public class Exclusion extends PanacheEntityBase {
    @EmbeddedId
    public @Nullable Id id;

    public String reason = "";

    @Column(name = "excluded_by")
    public String excludedBy = "";

    @Column(name = "excluded_at")
    public Instant excludedAt = Instant.EPOCH;

    public long retracted;

    @Column(name = "finished_at")
    public @Nullable Instant finishedAt;

    /** Project and labeler. */
    @Embeddable
    public record Id(@Column(name = "project_id") String projectId, String labeler) {}
}
