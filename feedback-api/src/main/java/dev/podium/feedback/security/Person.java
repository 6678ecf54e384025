package dev.podium.feedback.security;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.time.Instant;

/** Someone, or some program, that can log in. */
@Entity
public class Person extends PanacheEntityBase {
    @Id
    public String name = "";

    @Column(name = "password_hash")
    public String passwordHash = "";

    public String role = "";

    @Column(name = "created_at")
    public Instant createdAt = Instant.EPOCH;
}
