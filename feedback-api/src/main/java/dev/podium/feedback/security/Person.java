package dev.podium.feedback.security;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.Generated;
import org.jspecify.annotations.Nullable;

/** Someone, or some program, that can log in. */
@Entity
public class Person extends PanacheEntityBase {
    @Id
    public String name = "";

    @Column(name = "password_hash")
    public String passwordHash = "";

    public boolean administrator;

    /** Role in every project, also in those still to come; null for who is in named projects only. */
    @Column(name = "every_project")
    public @Nullable String everyProject;

    /** Stands for the person in the audit log; given by the database. */
    @Column(insertable = false, updatable = false)
    @Generated
    public UUID id = new UUID(0, 0);

    /** Since when they may not log in; null for who may. */
    @Column(name = "disabled_at")
    public @Nullable Instant disabledAt;

    /** Raised when all sessions of theirs end. */
    @Column(name = "session_version")
    public int sessionVersion;

    @Column(name = "created_at")
    public Instant createdAt = Instant.EPOCH;
}
