package dev.podium.feedback.security;

import dev.podium.feedback.rest.IdempotentAnswers;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Base64;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What a program logs in with: one role in one project, until a day. Only its hash is kept. */
@Entity
@Table(name = "api_token")
public class ApiToken extends PanacheEntityBase {
    /** Tokens are told from other credentials, and found by scanners for leaked secrets, by this. */
    static final String PREFIX = "podium_";

    private static final int SECRET_BYTES = 32;

    @Id
    public UUID id = new UUID(0, 0);

    @Column(name = "project_id")
    public String projectId = "";

    public String role = "";
    public String name = "";
    public String sha256 = "";

    @Column(name = "created_by")
    public UUID createdBy = new UUID(0, 0);

    @Column(name = "created_at")
    public Instant createdAt = Instant.EPOCH;

    @Column(name = "expires_at")
    public Instant expiresAt = Instant.EPOCH;

    @Column(name = "last_used_at")
    public @Nullable Instant lastUsedAt;

    @Column(name = "revoked_at")
    public @Nullable Instant revokedAt;

    static String newSecret() {
        byte[] bytes = new byte[SECRET_BYTES];
        new SecureRandom().nextBytes(bytes);
        return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** A fast hash will do: the secret is 256 random bits, which nobody guesses. */
    static String hash(String secret) {
        return IdempotentAnswers.sha256(secret);
    }
}
