package dev.podium.feedback.round;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A round that is to be started when others have ended.
 *
 * <pre>
 *   WAITING --(its turn)--> STARTED --> SUCCEEDED | FAILED
 *      '--(one it needs has not succeeded)--> DROPPED
 * </pre>
 */
@Entity
@Table(name = "planned_round")
public class PlannedRound extends PanacheEntityBase {
    @Id
    public String id = "";

    @Column(name = "project_id")
    public String projectId = "";

    @Column(name = "plan_id")
    public String planId = "";

    public int step;
    public String kind = "";
    public @Nullable String request;

    @Column(name = "rerun_of")
    public @Nullable String rerunOf;

    @Column(name = "initial_from")
    public @Nullable Integer initialFrom;

    @Column(name = "reward_from")
    public @Nullable Integer rewardFrom;

    public @Nullable Integer needs;

    @Column(name = "without_labeler")
    public @Nullable String withoutLabeler;

    public @Nullable String rule;
    public String reason = "";

    @Column(name = "requested_by")
    public String requestedBy = "";

    public String state = WAITING;

    @Column(name = "round_id")
    public @Nullable String roundId;

    public @Nullable String note;

    @Column(name = "created_at")
    public Instant createdAt = Instant.EPOCH;

    @Column(name = "changed_at")
    public Instant changedAt = Instant.EPOCH;

    static final String WAITING = "WAITING";
    static final String STARTED = "STARTED";
    static final String SUCCEEDED = "SUCCEEDED";
    static final String FAILED = "FAILED";
    static final String DROPPED = "DROPPED";

    boolean isOpen() {
        return state.equals(WAITING) || state.equals(STARTED);
    }
}
