package dev.podium.feedback.round;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A round as it was asked for; what became of it is in the projection of round events. */
@Entity
@Table(name = "round")
public class RoundRow extends PanacheEntityBase {
    @Id
    public String id = "";

    @Column(name = "project_id")
    public String projectId = "";

    public String kind = "";
    public String version = "";
    public String config = "";

    @Column(name = "initial_adapter")
    public @Nullable String initialAdapter;

    @Column(name = "reward_adapter")
    public @Nullable String rewardAdapter;

    @Column(name = "idempotency_key")
    public @Nullable String idempotencyKey;

    @Column(name = "request_sha256")
    public @Nullable String requestSha256;

    @Column(name = "requested_by")
    public String requestedBy = "";

    @Column(name = "requested_at")
    public Instant requestedAt = Instant.EPOCH;

    /** Why it was started, where an operator did not do it by hand. */
    public @Nullable String reason;

    /** The round that this one runs again. */
    @Column(name = "rerun_of")
    public @Nullable String rerunOf;

    /** The data set of the first round, where this one reads it again. */
    @Column(name = "data_set_sha256")
    public @Nullable String dataSetSha256;
}
