package dev.podium.feedback.security;

/** Whom an endpoint is for; see {@link AllowedTo}. */
public enum Who {
    /** Everybody who is logged in; within a project all its members. */
    ANYONE,
    /** Who looks after people and projects. */
    ADMINISTRATOR,
    /** Operators of the project. */
    OPERATOR,
    /** Labelers of the project, and its operators. */
    LABELER,
    /** Programs of the project. */
    SERVICE
}
