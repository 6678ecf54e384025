package dev.podium.feedback.importing;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.feedback.rest.Refusal;
import java.util.Locale;

/** The shapes of lines that are understood. */
enum ImportFormat {
    AUTO,
    PODIUM,
    TRL,
    HH,
    OASST;

    static ImportFormat of(String name) {
        for (ImportFormat format : values()) {
            if (format.name().toLowerCase(Locale.ROOT).equals(name)) {
                return format;
            }
        }
        throw new Refusal(400, "unknown_format", "format must be auto, podium, trl, hh or oasst, not " + name + ".");
    }

    /** The format of a line, by its fields. */
    static ImportFormat of(JsonNode line) {
        if (line.has("outputs")) {
            return PODIUM;
        }
        if (line.path("prompt").has("replies") || line.has("replies")) {
            return OASST;
        }
        if (line.has("chosen") && line.has("rejected")) {
            boolean dialogue =
                    !line.has("prompt") && line.path("chosen").asText("").contains("\n\nHuman:");
            return dialogue ? HH : TRL;
        }
        throw Refusal.unprocessable(
                "unknown_format",
                "the line has neither outputs (podium), nor chosen and rejected (trl, hh), nor replies (oasst)");
    }
}
