package dev.podium.feedback.task;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Task;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.nio.charset.StandardCharsets;

/** A task and how many of its places are taken. */
@Entity
@Table(name = "task")
public class TaskRow extends PanacheEntityBase {
    @Id
    public String id = "";

    @Column(name = "project_id")
    public String projectId = "";

    @Column(insertable = false, updatable = false)
    public long position;

    public int overlap;
    public int taken;

    @Column(name = "body", updatable = false)
    public String body = "";

    /** The task as it was published. */
    public Task task() {
        return task(body);
    }

    /** The task of a row's body. */
    public static Task task(String body) {
        try {
            return EventJson.read(body.getBytes(StandardCharsets.UTF_8), Task.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a stored task cannot be read", e);
        }
    }
}
