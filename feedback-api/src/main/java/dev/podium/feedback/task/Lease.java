package dev.podium.feedback.task;

import dev.podium.contracts.Task;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** A labeler's hold on a task, for a while, and the order in which the outputs are shown to them. */
@Entity
public class Lease extends PanacheEntityBase {
    @Id
    public UUID id = new UUID(0, 0);

    @Column(name = "task_id")
    public String taskId = "";

    @Column(name = "project_id")
    public String projectId = "";

    public String labeler = "";

    /** Empty where it is the labeler's own, which follows from task and labeler. */
    @Column(name = "shown_order")
    public String shownOrder = "";

    @Column(name = "granted_at")
    public Instant grantedAt = Instant.EPOCH;

    @Column(name = "expires_at")
    public Instant expiresAt = Instant.EPOCH;

    /** Output ids in the order shown; ids never contain a newline. */
    public List<String> order(Task task) {
        return Assignment.order(shownOrder, task, labeler);
    }
}
