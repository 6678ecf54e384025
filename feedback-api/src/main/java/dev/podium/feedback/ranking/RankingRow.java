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

    @Column(name = "duration_millis")
    public long durationMillis;

    /** How many outputs were shown; 0 when the order is not known. */
    @Column(name = "shown_count")
    public short shownCount;

    /** Where the one sole winner was shown, from 1; null where several share the first place. */
    @Column(name = "winner_position")
    public @Nullable Short winnerPosition;

    /** Task and labeler. */
    @Embeddable
    public record Id(@Column(name = "task_id") String taskId, String labeler) {}
}
