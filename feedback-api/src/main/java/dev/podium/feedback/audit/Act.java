package dev.podium.feedback.audit;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What somebody did.
 *
 * @param action such as {@code channel.promoted}
 * @param project empty for what concerns no project
 * @param target what it was done to; never a person's name
 * @param person id of the person it was done to; empty where it was none
 * @param detail a few facts; never a person's name
 */
public record Act(
        String action, String project, String target, String person, String reason, Map<String, String> detail) {
    private static final int MAX_REASON_CHARACTERS = 1000;

    public Act {
        detail = Map.copyOf(detail);
    }

    /** An act that concerns no project. */
    public static Act of(String action, String target) {
        return new Act(action, "", target, "", "", Map.of());
    }

    /** In this project. */
    public Act in(String project) {
        return new Act(action, project, target, person, reason, detail);
    }

    /** Done to this person, by the id. */
    public Act to(String personId) {
        return new Act(action, project, target, personId, reason, detail);
    }

    /** For this reason, where one was given. */
    public Act because(@Nullable String given) {
        String text = given == null ? "" : given.strip();
        return new Act(
                action,
                project,
                target,
                person,
                text.substring(0, Math.min(text.length(), MAX_REASON_CHARACTERS)),
                detail);
    }

    /** With one more fact. */
    public Act with(String name, Object value) {
        Map<String, String> more = new TreeMap<>(detail);
        more.put(
                name,
                value instanceof Optional<?> some ? some.map(String::valueOf).orElse("") : String.valueOf(value));
        return new Act(action, project, target, person, reason, more);
    }
}
