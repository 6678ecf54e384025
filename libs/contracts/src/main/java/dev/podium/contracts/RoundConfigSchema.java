package dev.podium.contracts;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The JSON Schema of a round's configuration as an operator writes it, for editors and checks before it is sent. Made of
 * the schema of {@link RoundCommand.StartRound}, which readers of events use: here nothing is required but the kind, every
 * field says its default, and unknown names are refused.
 */
public final class RoundConfigSchema {
    private static final String REFERENCE = "#/$defs/";

    private RoundConfigSchema() {}

    /** Of all kinds; the document's {@code kind} says which. */
    public static ObjectNode all() {
        ObjectNode definitions = EventJson.mapper().createObjectNode();
        ArrayNode kinds = EventJson.mapper().createArrayNode();
        for (RoundKind kind : RoundKind.values()) {
            String name = name(kind);
            collect(name, kind).forEach(definitions::set);
            kinds.addObject().put("$ref", REFERENCE + name);
        }
        ObjectNode schema = head("Configuration of a round");
        schema.set("oneOf", kinds);
        schema.set("$defs", definitions);
        return schema;
    }

    /** Of one kind. */
    public static ObjectNode of(RoundKind kind) {
        ObjectNode definitions = EventJson.mapper().createObjectNode();
        collect(name(kind), kind).forEach(definitions::set);
        ObjectNode schema = head("Configuration of a " + kind + " round");
        schema.put("$ref", REFERENCE + name(kind));
        schema.set("$defs", definitions);
        return schema;
    }

    private static ObjectNode head(String title) {
        return EventJson.mapper()
                .createObjectNode()
                .put("$schema", "https://json-schema.org/draft/2020-12/schema")
                .put("$id", "urn:podium:round-config:v1")
                .put("title", title);
    }

    private static String name(RoundKind kind) {
        return RoundConfig.defaults(kind).getClass().getSimpleName();
    }

    /** A kind's definition and all that it refers to, by name. */
    private static Map<String, ObjectNode> collect(String root, RoundKind kind) {
        JsonNode all = startRound().path("$defs");
        Map<String, ObjectNode> collected = new TreeMap<>();
        Deque<String> open = new ArrayDeque<>();
        open.add(root);
        while (!open.isEmpty()) {
            String name = open.remove();
            if (!collected.containsKey(name) && all.path(name) instanceof ObjectNode found) {
                ObjectNode definition = found.deepCopy();
                definition.remove("required");
                definition.put("additionalProperties", false);
                collected.put(name, definition);
                definition
                        .findValuesAsText("$ref")
                        .forEach(reference -> open.add(reference.substring(REFERENCE.length())));
            }
        }
        Optional.ofNullable(collected.get(root)).ifPresent(definition -> addDefaults(definition, kind));
        return collected;
    }

    private static void addDefaults(ObjectNode definition, RoundKind kind) {
        JsonNode defaults = EventJson.mapper().valueToTree(RoundConfig.defaults(kind));
        definition.putArray("required").add("kind");
        definition.path("properties").properties().forEach(entry -> {
            JsonNode value = defaults.path(entry.getKey());
            if (!value.isMissingNode()
                    && !entry.getKey().equals("kind")
                    && entry.getValue() instanceof ObjectNode property) {
                property.set("default", value);
            }
        });
    }

    private static JsonNode startRound() {
        try (InputStream in = RoundConfigSchema.class.getResourceAsStream("/schemas/StartRound.v1.json")) {
            if (in == null) {
                throw new IllegalStateException("the schema of StartRound is not on the class path");
            }
            return EventJson.tree(in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("the schema of StartRound cannot be read", e);
        }
    }
}
