package dev.podium.feedback.security;

import dev.podium.feedback.rest.Refusal;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** What is a password. */
final class Passwords {
    private static final int SHORTEST_CHARACTERS = 10;
    // bcrypt looks at no more.
    private static final int LONGEST_BYTES = 72;
    private static final int RANDOM_BYTES = 15;

    private Passwords() {}

    /** The password, when it is one. */
    static String require(@Nullable String password) {
        if (password == null
                || password.length() < SHORTEST_CHARACTERS
                || password.getBytes(StandardCharsets.UTF_8).length > LONGEST_BYTES) {
            throw Refusal.unprocessable(
                    "invalid_password",
                    "A password has at least " + SHORTEST_CHARACTERS + " characters and at most " + LONGEST_BYTES
                            + " bytes.");
        }
        return password;
    }

    static String random() {
        byte[] bytes = new byte[RANDOM_BYTES];
        new SecureRandom().nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
