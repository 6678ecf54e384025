package dev.podium.feedback.security;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Names of erased people, known by a keyed hash alone. All of it must run in a transaction. */
@Singleton
public class ErasedNames {
    private final EntityManager entities;
    private final SecretKeySpec key;

    ErasedNames(
            EntityManager entities,
            @ConfigProperty(name = "quarkus.http.auth.session.encryption-key") String sessionKey) {
        this.entities = entities;
        this.key = new SecretKeySpec(sessionKey.getBytes(StandardCharsets.UTF_8), "HmacSHA256");
    }

    /** Remembers that the name was erased. */
    public void add(String name) {
        entities.createNativeQuery("insert into erased_name values (:hash, now()) on conflict do nothing")
                .setParameter("hash", hash(name))
                .executeUpdate();
    }

    /** Whether somebody of that name was erased. */
    public boolean contains(String name) {
        return !entities.createNativeQuery("select 1 from erased_name where hash = :hash")
                .setParameter("hash", hash(name))
                .getResultList()
                .isEmpty();
    }

    /** What an erased name is known by. */
    public String hash(String name) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            return HexFormat.of().formatHex(mac.doFinal(("podium erased " + name).getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }
}
