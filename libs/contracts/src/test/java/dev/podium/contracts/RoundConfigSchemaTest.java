package dev.podium.contracts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RoundConfigSchemaTest {
    private static final Path PUBLISHED = Path.of("../../docs/round-config.schema.json");

    @Test
    void thePublishedSchemaIsThatOfTheRecords() throws Exception {
        String now =
                EventJson.mapper().writerWithDefaultPrettyPrinter().writeValueAsString(RoundConfigSchema.all()) + "\n";
        if (Boolean.getBoolean("podium.update")) {
            Files.writeString(PUBLISHED, now);
        }
        assertEquals(
                now,
                Files.readString(PUBLISHED),
                "run this test with -Dpodium.update=true, and look at the difference");
    }

    @ParameterizedTest
    @EnumSource(RoundKind.class)
    void defaultsConformAndUnknownNamesDoNot(RoundKind kind) {
        for (JsonSchema schema : List.of(schema(RoundConfigSchema.of(kind)), schema(RoundConfigSchema.all()))) {
            ObjectNode document = defaults(kind);
            assertTrue(
                    schema.validate(document).isEmpty(),
                    () -> schema.validate(document).toString());
            assertTrue(schema.validate(EventJson.mapper().createObjectNode().put("kind", kind.name()))
                    .isEmpty());
            assertFalse(schema.validate(defaults(kind).put("lerning_rate", 1)).isEmpty());
        }
    }

    /** What the schema forbids, the record refuses: probed just outside every bound. */
    @ParameterizedTest
    @EnumSource(RoundKind.class)
    void everyBoundOfTheSchemaIsOneOfTheRecord(RoundKind kind) {
        ObjectNode schema = RoundConfigSchema.of(kind);
        JsonNode definitions = schema.path("$defs");
        String root = schema.path("$ref").asText().substring("#/$defs/".length());
        List<String> probed = new ArrayList<>();
        probe(kind, definitions, definitions.path(root), List.of(), probed);
        assertTrue(probed.size() >= 5, probed.toString());
    }

    /** What the schema lets pass, the record takes, and the other way round: values of every size, in every field. */
    @ParameterizedTest
    @EnumSource(RoundKind.class)
    void theSchemaAndTheRecordLetTheSamePass(RoundKind kind) {
        JsonSchema schema = schema(RoundConfigSchema.of(kind));
        ObjectNode defaults = defaults(kind);
        List<String> disagreements = new ArrayList<>();
        for (String path : leaves(defaults, "")) {
            for (JsonNode value : values(defaults.at(path))) {
                ObjectNode document = defaults(kind);
                int name = path.lastIndexOf('/');
                ((ObjectNode) document.at(path.substring(0, name))).set(path.substring(name + 1), value);
                if (schema.validate(document).isEmpty() != isTaken(document)) {
                    disagreements.add(path + " = " + value);
                }
            }
        }
        assertEquals(List.of(), disagreements);
    }

    private static List<String> leaves(ObjectNode of, String path) {
        List<String> all = new ArrayList<>();
        of.properties().forEach(entry -> {
            String here = path + "/" + entry.getKey();
            if (entry.getValue() instanceof ObjectNode inner) {
                all.addAll(leaves(inner, here));
            } else if (!here.equals("/kind")) {
                all.add(here);
            }
        });
        return all;
    }

    private static List<JsonNode> values(JsonNode like) {
        JsonNodeFactory nodes = JsonNodeFactory.instance;
        if (like.isTextual()) {
            return List.of(nodes.textNode("no-such-value"));
        }
        List<JsonNode> values = new ArrayList<>();
        if (like.isNumber()) {
            IntStream.of(-1, 0, 1, 2, 3, 7, 8, 9, 10, 11, 64, 65, 100, 101, 1000, 1001, 4096, 4097, 65_536, 65_537)
                    .forEach(value -> values.add(nodes.numberNode(value)));
            IntStream.of(1_000_000, 1_000_001, 1_048_576, 1_048_577, 2_000_000_000)
                    .forEach(value -> values.add(nodes.numberNode(value)));
        }
        if (like.isDouble()) {
            DoubleStream.of(-1e-6, 1e-6, 0.05, 0.1, 0.3, 0.5, 0.999, 1.5, 1.999)
                    .forEach(value -> values.add(nodes.numberNode(value)));
        }
        return values;
    }

    private static boolean isTaken(ObjectNode document) {
        try {
            EventJson.read(EventJson.write(document), RoundConfig.class);
            return true;
        } catch (InvalidEventException e) {
            return false;
        }
    }

    private static void probe(
            RoundKind kind, JsonNode definitions, JsonNode definition, List<String> path, List<String> probed) {
        definition.path("properties").properties().forEach(entry -> {
            JsonNode property = entry.getValue();
            List<String> here = new ArrayList<>(path);
            here.add(entry.getKey());
            if (property.has("$ref")) {
                probe(
                        kind,
                        definitions,
                        definitions.path(property.path("$ref").asText().substring("#/$defs/".length())),
                        here,
                        probed);
            }
            for (double outside : outside(property)) {
                ObjectNode document = defaults(kind);
                ObjectNode parent = document;
                for (String name : here.subList(0, here.size() - 1)) {
                    parent = (ObjectNode) parent.path(name);
                }
                if (property.path("type").asText().equals("integer")) {
                    parent.put(here.getLast(), (long) outside);
                } else {
                    parent.put(here.getLast(), outside);
                }
                probed.add(String.join(".", here) + " = " + outside);
                assertThrows(
                        InvalidEventException.class,
                        () -> EventJson.read(EventJson.write(document), RoundConfig.class),
                        probed.getLast());
            }
        });
    }

    private static List<Double> outside(JsonNode property) {
        List<Double> values = new ArrayList<>();
        double step = property.path("type").asText().equals("integer") ? 1 : 1e-6;
        if (property.has("minimum")) {
            values.add(property.path("minimum").asDouble() - step);
        }
        if (property.has("maximum")) {
            values.add(property.path("maximum").asDouble() + step);
        }
        if (property.has("exclusiveMinimum")) {
            values.add(property.path("exclusiveMinimum").asDouble());
        }
        if (property.has("exclusiveMaximum")) {
            values.add(property.path("exclusiveMaximum").asDouble());
        }
        return values;
    }

    private static ObjectNode defaults(RoundKind kind) {
        ObjectNode document = EventJson.mapper().valueToTree(RoundConfig.defaults(kind));
        return document.put("kind", kind.name());
    }

    private static JsonSchema schema(JsonNode schema) {
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(schema);
    }
}
