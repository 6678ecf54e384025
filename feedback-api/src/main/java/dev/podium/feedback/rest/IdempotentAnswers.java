package dev.podium.feedback.rest;

import dev.podium.contracts.EventJson;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.inject.Singleton;
import jakarta.persistence.Column;
import jakarta.persistence.Embeddable;
import jakarta.persistence.EmbeddedId;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Table;
import jakarta.ws.rs.core.Response;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Answers remembered by Idempotency-Key, in the transaction of the work itself: a repeated request gets the first answer
 * again, another body under the same key is refused, and a twin in flight is told so.
 */
@Singleton
public class IdempotentAnswers {
    private static final int MAX_KEY_CHARACTERS = 255;
    private static final Duration REMEMBERED = Duration.ofDays(7);
    private static final int FORGET_AT_ONCE = 10_000;

    private final EntityManager entities;

    IdempotentAnswers(EntityManager entities) {
        this.entities = entities;
    }

    /** A status and a JSON body. */
    public record Answer(int status, Object body) {}

    /** A remembered answer. */
    @Entity
    @Table(name = "idempotent_answer")
    public static class Remembered extends PanacheEntityBase {
        @EmbeddedId
        public @Nullable Id id;

        @Column(name = "request_sha256")
        public String requestSha256 = "";

        public int status;
        public String body = "";

        @Column(name = "created_at")
        public Instant createdAt = Instant.EPOCH;
    }

    /** Person and key. */
    @Embeddable
    public record Id(String person, String key) {}

    /**
     * Does the work once per (person, key); must run in a transaction.
     *
     * @param request what makes requests the same
     */
    public Response once(String person, @Nullable String given, String request, Supplier<Answer> work) {
        String key = requireKey(given);
        boolean locked = (Boolean)
                entities.createNativeQuery("select pg_try_advisory_xact_lock(hashtextextended(:key, 7))", Boolean.class)
                        .setParameter("key", person + "\n" + key)
                        .getSingleResult();
        if (!locked) {
            throw inFlight();
        }
        String sha256 = sha256(request);
        Remembered before = entities.find(Remembered.class, new Id(person, key));
        if (before != null) {
            requireSame(before.requestSha256, sha256);
            return again(before.status, before.body);
        }
        Answer answer = work.get();
        Remembered now = new Remembered();
        now.id = new Id(person, key);
        now.requestSha256 = sha256;
        now.status = answer.status();
        now.body = EventJson.writeText(answer.body());
        now.createdAt = Clock.systemUTC().instant();
        entities.persist(now);
        return first(now.status, now.body);
    }

    /** An answer that is given for the first time. */
    public static Response first(int status, String body) {
        return Response.status(status).entity(body).build();
    }

    /** An answer that was given before. */
    public static Response again(int status, String body) {
        return Response.status(status)
                .entity(body)
                .header("Idempotent-Replayed", "true")
                .build();
    }

    /** The refusal of a twin. */
    public static Refusal inFlight() {
        return new Refusal(409, "in_flight", "The same request is being worked on; ask again in a second.");
    }

    /** Forgets answers that nobody asks for again: a retry comes within minutes. */
    @Scheduled(every = "10m", delayed = "1m", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    public void forgetOld() {
        Instant before = Clock.systemUTC().instant().minus(REMEMBERED);
        int forgotten = FORGET_AT_ONCE;
        while (forgotten == FORGET_AT_ONCE) {
            forgotten = QuarkusTransaction.requiringNew()
                    .call(() -> entities.createNativeQuery("delete from idempotent_answer where (person, key) in"
                                    + " (select person, key from idempotent_answer where created_at < :before"
                                    + " limit " + FORGET_AT_ONCE + ")")
                            .setParameter("before", before)
                            .executeUpdate());
        }
    }

    /** The key, when it is one. */
    public static String requireKey(@Nullable String key) {
        if (key == null || key.isBlank() || key.length() > MAX_KEY_CHARACTERS) {
            throw new Refusal(
                    400,
                    "idempotency_key_missing",
                    "Send a header Idempotency-Key of 1 to " + MAX_KEY_CHARACTERS
                            + " characters, a new one per action.");
        }
        return key;
    }

    /** Refuses another request under a key that was used. */
    public static void requireSame(String beforeSha256, String nowSha256) {
        if (!beforeSha256.equals(nowSha256)) {
            throw Refusal.unprocessable(
                    "idempotency_key_reused", "This Idempotency-Key was used for another request; take a new one.");
        }
    }

    /** What a request is told by. */
    public static String sha256(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256")
                            .digest(text.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
