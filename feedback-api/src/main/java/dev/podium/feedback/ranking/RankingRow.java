package dev.podium.feedback.ranking;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Embeddable;
import jakarta.persistence.EmbeddedId;
import jakarta.persistence.Entity;
import jakarta.persistence.Table;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A labeler's newest revision on a task; all revisions are in the log of rankings. */
@Entity
@Table(name = "ranking")
public class RankingRow extends PanacheEntityBase {
    @EmbeddedId
    public @Nullable Id id;

    @Column(name = "project_id")
    public String projectId = "";

    public int revision;
    public boolean retracted;

    @Column(name = "shown_order")
    public String shownOrder = "";

    public String body = "";

    @Column(name = "submitted_at")
    public Instant submittedAt = Instant.EPOCH;

    /** Task and labeler. */
    @Embeddable
    public record Id(@Column(name = "task_id") String taskId, String labeler) {}
}
