package dev.podium.feedback.task;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.feedback.outbox.Outbox;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.util.UUID;

/** Stores tasks, each with its event. */
@Singleton
public class Tasks {
    private final EntityManager entities;
    private final Outbox outbox;
    private final Walks walks;

    Tasks(EntityManager entities, Outbox outbox, Walks walks) {
        this.entities = entities;
        this.outbox = outbox;
        this.walks = walks;
    }

    /** Priorities go from minus this to this. */
    public static final int MAX_PRIORITY = 1000;

    private static final int SHORT_CHARACTERS = 300;

    /** What a task is known by in a list: its last message, cut. */
    public static String shortened(Task task) {
        String text = task.prompt().getLast().content();
        return text.length() <= SHORT_CHARACTERS ? text : text.substring(0, SHORT_CHARACTERS) + "…";
    }

    /** Stores a task of ordinary priority. */
    public boolean add(Task task) {
        return add(task, 0);
    }

    /**
     * Stores a task unless one of its id is there; must run in a transaction. Returns whether it is new.
     *
     * @param priority higher ones are given out first
     */
    public boolean add(Task task, int priority) {
        int added = entities.createNativeQuery(
                        "insert into task (id, project_id, overlap, priority, disagreement, body) values (:id,"
                                + " :project, :overlap, :priority, case when exists (select 1 from work_rules w where"
                                + " w.project_id = :project and not w.active_sampling) then 0 else :disagreement end,"
                                + " :body) on conflict (id) do nothing")
                .setParameter(
                        "disagreement",
                        task.selection().map(Task.Selection::score).orElse(0.0).floatValue())
                .setParameter("priority", priority)
                .setParameter("id", task.taskId())
                .setParameter("project", task.projectId())
                .setParameter("overlap", task.rules().overlap())
                .setParameter("body", EventJson.writeText(task))
                .executeUpdate();
        if (added == 1) {
            walks.forget(task.projectId());
            outbox.add(
                    Topics.TASKS, task.taskId(), UUID.randomUUID().toString(), task.taskId(), task, task.createdAt());
        }
        return added == 1;
    }
}
