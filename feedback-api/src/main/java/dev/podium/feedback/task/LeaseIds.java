package dev.podium.feedback.task;

import jakarta.inject.Singleton;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Ids of leases that nobody can make up: a keyed hash of task and labeler. Who sends one has been given the task, also
 * when the lease itself ran out and is gone.
 */
@Singleton
public class LeaseIds {
    private final SecretKeySpec key;

    LeaseIds(@ConfigProperty(name = "quarkus.http.auth.session.encryption-key") String sessionKey) {
        key = new SecretKeySpec(sessionKey.getBytes(StandardCharsets.UTF_8), "HmacSHA256");
    }

    /** The id of a labeler's lease of a task. */
    public UUID of(String taskId, String labeler) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            ByteBuffer hash = ByteBuffer.wrap(
                    mac.doFinal(("podium lease " + taskId + "\n" + labeler).getBytes(StandardCharsets.UTF_8)));
            return new UUID(hash.getLong(), hash.getLong());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    /** Whether this labeler was given this task under that id. */
    public boolean isOf(String taskId, String labeler, @Nullable String id) {
        return id != null && of(taskId, labeler).toString().equals(id);
    }
}
