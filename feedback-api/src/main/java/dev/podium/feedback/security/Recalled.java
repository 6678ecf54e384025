package dev.podium.feedback.security;

import dev.podium.feedback.rest.Refusal;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.ext.web.RoutingContext;
import jakarta.inject.Singleton;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who submits a ranking is let in by what was known of them a moment ago, and the statement that writes the ranking makes
 * sure that nothing of it has changed: a log-out, another password, a ban or a lost role counts at once, on every
 * instance, and no question of its own goes to the database. Everywhere else the database is asked first.
 */
@Singleton
public class Recalled {
    private static final String ATTRIBUTE = "podium.recalled";
    private static final Pattern MAKES_SURE = Pattern.compile("/api/v1/projects/[^/]+/tasks/[^/]+/ranking");

    private final People people;

    Recalled(People people) {
        this.people = people;
    }

    /** Somebody as they were, and whether a session's cookie spoke for them. */
    private record Was(People.Known known, boolean bySession) {}

    /** Whether a request goes to a resource that makes sure itself. */
    static boolean isEnoughFor(@Nullable RoutingContext http) {
        return http != null
                && http.request().method().name().equals("PUT")
                && MAKES_SURE.matcher(http.normalizedPath()).matches();
    }

    static SecurityIdentity identity(People.Known known, boolean bySession) {
        return LogIn.identity(known.name(), known.access(), ATTRIBUTE, new Was(known, bySession));
    }

    /** The version that somebody must still have; empty for who was looked up for this request. */
    public static Optional<Long> version(SecurityIdentity identity) {
        return was(identity).map(was -> was.known().version());
    }

    /**
     * The access as it is now; for who was looked up for this request it is what was found.
     *
     * @throws Refusal 401 where what was sent does not let in any more
     */
    Access now(SecurityIdentity identity) {
        Optional<Was> was = was(identity);
        if (was.isEmpty()) {
            return Access.of(identity);
        }
        People.Known before = was.get().known();
        return people.find(before.name())
                .filter(now -> now.passwordHash().equals(before.passwordHash()))
                .filter(now -> !was.get().bySession() || now.sessionVersion() == before.sessionVersion())
                .map(People.Known::access)
                .orElseThrow(() -> new Refusal(401, "not_logged_in", "Log in at /login, or send credentials."));
    }

    /**
     * Makes sure that a labeler may still work in a project, where a statement has found that something has changed.
     *
     * @throws Refusal 401, 403 or 404
     */
    public void makeSure(SecurityIdentity identity, String project) {
        if (was(identity).isPresent()) {
            AccessFilter.requireLabeler(now(identity), project);
        }
    }

    private static Optional<Was> was(SecurityIdentity identity) {
        return Optional.ofNullable(identity.getAttribute(ATTRIBUTE));
    }
}
