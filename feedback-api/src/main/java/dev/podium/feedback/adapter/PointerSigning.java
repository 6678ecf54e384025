package dev.podium.feedback.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.adapter.SigningKey;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.eclipse.microprofile.config.Config;
import org.jboss.logging.Logger;

/**
 * Signs pointers of channels, where a key is configured. The file is read at each change of a channel: a new key needs no
 * restart, and a key that cannot be read changes no channel.
 */
@Singleton
class PointerSigning {
    private static final Logger LOG = Logger.getLogger(PointerSigning.class);

    private final Optional<Path> file;

    PointerSigning(Config config) {
        this.file = config.getOptionalValue("podium.signing.key.file", String.class)
                .filter(text -> !text.isBlank())
                .map(Path::of);
    }

    /** Signature of a record of {@code rlhf.channels.v1}; empty where no key is configured. */
    Optional<String> sign(String key, String payload) {
        if (file.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(SigningKey.read(file.get())
                    .sign(SigningKey.Purpose.POINTER, key.getBytes(UTF_8), payload.getBytes(UTF_8)));
        } catch (IOException e) {
            LOG.errorf("no channel can be changed: %s", e.getMessage());
            throw new Refusal(
                    503,
                    "signing_key_away",
                    "The key that signs channels cannot be read, so nothing was changed; see podium.signing.key.file"
                            + " and feedback-api's log.");
        }
    }
}
