package dev.podium.feedback.security;

import dev.podium.feedback.rest.Refusal;
import io.quarkus.security.identity.SecurityIdentity;
import java.util.Map;
import java.util.Optional;

/**
 * What somebody may reach.
 *
 * @param actor who it is, in the audit log: the id of a person or of a token
 * @param person whether it is a person; a token may do what its role may, but not make tokens and members
 * @param administrator is an operator everywhere, and looks after people and projects
 * @param everywhere role in every project that {@code projects} does not name, also in those still to come
 * @param projects role by project id
 */
public record Access(
        String actor, boolean person, boolean administrator, Optional<Role> everywhere, Map<String, Role> projects) {
    /** Somebody who is in no project. */
    public static final Access NONE = new Access("", false, false, Optional.empty(), Map.of());

    /** Podium itself, in the audit log. */
    public static final String SYSTEM = "system";

    static final String ATTRIBUTE = "podium.access";

    public Access {
        projects = Map.copyOf(projects);
    }

    /** The access of who is logged in. */
    public static Access of(SecurityIdentity identity) {
        Access access = identity.getAttribute(ATTRIBUTE);
        return access == null ? NONE : access;
    }

    /** The role in a project; empty for a foreign one. */
    public Optional<Role> in(String project) {
        if (administrator) {
            return Optional.of(Role.OPERATOR);
        }
        Role role = projects.get(project);
        return role == null ? everywhere : Optional.of(role);
    }

    /** Refuses programs: rights are given away by people. */
    void requirePerson() {
        if (!person) {
            throw new Refusal(403, "person_needed", "Tokens cannot do this; log in by name.");
        }
    }

    /** Whether somebody runs this project. */
    public boolean operates(String project) {
        return in(project).equals(Optional.of(Role.OPERATOR));
    }

    /** Whether somebody holds the role in any project; who runs a project may rank in it. */
    public boolean isAnywhere(Role role) {
        return administrator
                || everywhere.filter(held -> covers(held, role)).isPresent()
                || projects.values().stream().anyMatch(held -> covers(held, role));
    }

    private static boolean covers(Role held, Role wanted) {
        return held == wanted || (held == Role.OPERATOR && wanted == Role.LABELER);
    }
}
