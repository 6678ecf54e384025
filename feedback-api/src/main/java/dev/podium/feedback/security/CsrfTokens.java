package dev.podium.feedback.security;

import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Tokens that a page carries and sends back with each change. A token is a keyed hash of the user's name: another site
 * can make a browser send the cookie, but can neither read nor compute the token. It changes with the session key.
 */
@Singleton
public class CsrfTokens {
    /** Header of requests that change something and are authenticated by the cookie. */
    public static final String HEADER = "X-CSRF-Token";

    private final SecretKeySpec key;

    CsrfTokens(@ConfigProperty(name = "quarkus.http.auth.session.encryption-key") String sessionKey) {
        key = new SecretKeySpec(sessionKey.getBytes(StandardCharsets.UTF_8), "HmacSHA256");
    }

    /** The token of a user's pages. */
    public String tokenOf(String user) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            byte[] hash = mac.doFinal(("podium csrf " + user).getBytes(StandardCharsets.UTF_8));
            return Base64.getUrlEncoder().withoutPadding().encodeToString(hash);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    /** Whether what came in is the user's token; takes the same time for any wrong one. */
    public boolean matches(String user, @Nullable String token) {
        return token != null
                && MessageDigest.isEqual(
                        tokenOf(user).getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }
}
