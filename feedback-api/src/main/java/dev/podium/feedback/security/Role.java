package dev.podium.feedback.security;

import dev.podium.feedback.rest.Refusal;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What somebody is in a project. */
public enum Role {
    /** Runs the project: its data, rounds, adapters, channels and people; may rank too. */
    OPERATOR,
    /** Ranks. */
    LABELER,
    /** A program: sends tasks, reads pairs and adapters. */
    SERVICE;

    /** As it is written in JSON and in the database. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The role of that name, or a 422. */
    public static Role of(@Nullable String word) {
        for (Role role : values()) {
            if (role.word().equals(word)) {
                return role;
            }
        }
        throw Refusal.unprocessable("invalid_role", "The role must be operator, labeler or service.");
    }
}
