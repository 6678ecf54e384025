package dev.podium.feedback;

import dev.podium.embedded.testing.OidcServer;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An OpenID Connect provider with one user, who is whoever the test says. */
public final class OidcProvider implements QuarkusTestResourceLifecycleManager {
    private @Nullable OidcServer server;

    @Override
    public Map<String, String> start() {
        try {
            OidcServer started = OidcServer.start();
            server = started;
            return Map.of(
                    "quarkus.oidc.people.auth-server-url", started.url(),
                    "quarkus.oidc.people.client-id", OidcServer.CLIENT_ID,
                    "quarkus.oidc.people.credentials.secret", OidcServer.CLIENT_SECRET);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void stop() {
        if (server != null) {
            server.close();
        }
    }
}
