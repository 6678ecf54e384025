package dev.podium.feedback.security;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.time.Instant;
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

    @Column(name = "created_at")
    public Instant createdAt = Instant.EPOCH;
}
