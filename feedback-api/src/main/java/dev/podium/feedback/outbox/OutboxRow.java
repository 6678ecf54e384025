package dev.podium.feedback.outbox;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** An event on its way; the columns are those of Debezium's outbox event router. */
@Entity
@Table(name = "outbox")
public class OutboxRow extends PanacheEntityBase {
    @Id
    public String id = "";

    @Column(insertable = false, updatable = false)
    public long position;

    @Column(name = "aggregatetype")
    public String aggregateType = "";

    @Column(name = "aggregateid")
    public String aggregateId = "";

    public String type = "";
    public String payload = "";
    public String subject = "";

    /** What caused the event; absent where it was written by an earlier version. */
    @Column(name = "traceparent")
    public @Nullable String traceParent;

    /** Of key and payload, for the header of the record; absent: not signed. */
    public @Nullable String signature;

    @Column(name = "created_at")
    public Instant createdAt = Instant.EPOCH;
}
