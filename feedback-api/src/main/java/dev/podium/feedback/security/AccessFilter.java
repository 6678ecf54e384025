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
    private final Recalled recalled;

    public AccessFilter(SecurityIdentity identity, EntityManager entities, Recalled recalled) {
        this.identity = identity;
        this.entities = entities;
        this.recalled = recalled;
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
            Optional<Role> held = access.in(project);
            // Nobody is refused by what was a moment ago.
            requireIn(
                    held.isPresent() && isGranted(held.get(), allowed)
                            ? held
                            : recalled.now(identity).in(project),
                    "Project " + project,
                    allowed);
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
        if (!isGranted(held.get(), allowed)) {
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

    private static boolean isGranted(Role held, Set<Who> allowed) {
        return allowed.contains(Who.ANYONE)
                || switch (held) {
                    case OPERATOR -> allowed.contains(Who.OPERATOR) || allowed.contains(Who.LABELER);
                    case LABELER -> allowed.contains(Who.LABELER);
                    case SERVICE -> allowed.contains(Who.SERVICE);
                };
    }

    /** Whether somebody may rank in a project. */
    static void requireLabeler(Access access, String project) {
        requireIn(access.in(project), "Project " + project, EnumSet.of(Who.LABELER));
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
