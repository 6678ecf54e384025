package dev.podium.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * Something that each output is rated by, beside its place in the ranking: correctness, tone.
 *
 * @param id what ratings are stored under
 * @param name what labelers read
 * @param description when to give which rating; may be empty
 * @param steps ratings go from 1 (worst) to this; 5 where it is left out
 * @param required whether a ranking without it is refused
 */
public record Criterion(String id, String name, String description, int steps, boolean required) {
    private static final int DEFAULT_STEPS = 5;
    private static final int MAX_STEPS = 10;
    private static final int MAX_NAME_LENGTH = 60;
    private static final int MAX_DESCRIPTION_LENGTH = 1_000;

    public Criterion {
        Require.that(
                id != null && id.matches("[a-z0-9][a-z0-9_-]{0,39}"),
                "rules.criteria.id must have 1 to 40 lower-case letters, digits, hyphens or underscores");
        name = name == null || name.isBlank() ? id : name;
        description = description == null ? "" : description;
        steps = steps == 0 ? DEFAULT_STEPS : steps;
        Require.that(
                name.length() <= MAX_NAME_LENGTH,
                "rules.criteria.name is longer than " + MAX_NAME_LENGTH + " characters");
        Require.that(
                description.length() <= MAX_DESCRIPTION_LENGTH,
                "rules.criteria.description is longer than " + MAX_DESCRIPTION_LENGTH + " characters");
        Require.that(steps >= 2 && steps <= MAX_STEPS, "rules.criteria.steps must be between 2 and " + MAX_STEPS);
    }

    /** Reads one in which all but the id may be left out. */
    @JsonCreator
    static Criterion read(
            @JsonProperty("id") String id,
            @JsonProperty("name") String name,
            @JsonProperty("description") String description,
            @JsonProperty("steps") Integer steps,
            @JsonProperty("required") Boolean required) {
        return new Criterion(id, name, description, steps == null ? 0 : steps, required != null && required);
    }
}
