package dev.podium.feedback.security;

import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.persistence.EntityManager;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ResourceInfo;
import jakarta.ws.rs.core.UriInfo;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jspecify.annotations.Nullable;

/**
 * The one place that decides who may reach what: reads {@link AllowedTo} of the endpoint, and the project from its path.
 * A foreign project answers as one that is not there (404); the wrong role in an own one is told so (403).
 */
public class AccessFilter {
    private final SecurityIdentity identity;
    private final EntityManager entities;

    public AccessFilter(SecurityIdentity identity, EntityManager entities) {
        this.identity = identity;
        this.entities = entities;
    }

    @ServerRequestFilter(priority = Priorities.AUTHORIZATION)
    public void check(ResourceInfo resource, UriInfo uri) {
        if (!uri.getPath().startsWith("/api/")) {
            // Pages hold no data; they declare log-in by Quarkus' own annotations.
            return;
        }
        Set<Who> allowed = declared(resource)
                .orElseThrow(() -> new Refusal(403, "closed", "This endpoint does not say whom it is for."));
        if (identity.isAnonymous()) {
            throw new Refusal(401, "not_logged_in", "Log in at /login, or send credentials.");
        }
        String project = uri.getPathParameters().getFirst("project");
        String round = uri.getPathParameters().getFirst("round");
        Access access = Access.of(identity);
        if (project != null) {
            requireIn(access.in(project), "Project " + project, allowed);
        } else if (round != null) {
            requireIn(projectOf(round).flatMap(access::in), "Round " + round, allowed);
        } else if (!allowed.contains(Who.ANYONE) && !access.administrator()) {
            throw new Refusal(403, "wrong_role", "This is for administrators.");
        }
    }

    private static void requireIn(Optional<Role> held, String what, Set<Who> allowed) {
        if (held.isEmpty()) {
            throw Refusal.notFound(what);
        }
        boolean granted = allowed.contains(Who.ANYONE)
                || switch (held.get()) {
                    case OPERATOR -> allowed.contains(Who.OPERATOR) || allowed.contains(Who.LABELER);
                    case LABELER -> allowed.contains(Who.LABELER);
                    case SERVICE -> allowed.contains(Who.SERVICE);
                };
        if (!granted) {
            throw new Refusal(
                    403,
                    "wrong_role",
                    "You are a " + held.get().word() + " here; this is for "
                            + allowed.stream()
                                    .map(who -> who.name().toLowerCase(Locale.ROOT) + "s")
                                    .sorted()
                                    .collect(Collectors.joining(" and "))
                            + ".");
        }
    }

    private Optional<String> projectOf(String round) {
        List<?> found = QuarkusTransaction.requiringNew()
                .call(() -> entities.createNativeQuery("select project_id from round where id = :id", String.class)
                        .setParameter("id", round)
                        .getResultList());
        return found.stream().map(String.class::cast).findFirst();
    }

    /** Of the method, else of its class. */
    static Optional<Set<Who>> declared(ResourceInfo resource) {
        @Nullable AllowedTo allowed = resource.getResourceMethod().getAnnotation(AllowedTo.class);
        if (allowed == null) {
            allowed = resource.getResourceClass().getAnnotation(AllowedTo.class);
        }
        return Optional.ofNullable(allowed)
                .map(AllowedTo::value)
                .filter(all -> all.length > 0)
                .map(all -> EnumSet.copyOf(List.of(all)));
    }
}
