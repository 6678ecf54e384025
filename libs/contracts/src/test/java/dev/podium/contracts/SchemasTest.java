package dev.podium.contracts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaId;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The published schemas say what the records are. */
class SchemasTest {
    private static final Path SCHEMAS = Path.of("src/main/resources/schemas");

    @Test
    void everyEventHasASchema() throws Exception {
        Set<String> expected = EventTypes.records().keySet().stream()
                .map(name -> name + ".v1.json")
                .collect(Collectors.toCollection(TreeSet::new));

        assertEquals(expected, files().collect(Collectors.toCollection(TreeSet::new)));
    }

    @ParameterizedTest
    @MethodSource("files")
    void aSchemaIsAValidSchema(String file) throws Exception {
        var meta = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                .getSchema(SchemaLocation.of(SchemaId.V202012));

        assertTrue(meta.validate(tree(file)).isEmpty(), () -> "not a schema: " + file);
        assertEquals(
                "urn:podium:event:" + file.replace(".v1.json", "") + ":v1",
                tree(file).path("$id").asText());
    }

    @ParameterizedTest
    @MethodSource("files")
    void aSchemaDescribesEveryComponentOfItsRecords(String file) throws Exception {
        Map<String, Class<?>> records = nested();
        JsonNode schema = tree(file);
        assertDescribes(records, schema);
        schema.path("$defs").forEach(definition -> assertDescribes(records, definition));
    }

    @ParameterizedTest
    @MethodSource("files")
    void aMissingRequiredFieldDoesNotConform(String file) throws Exception {
        String name = file.replace(".v1.json", "");
        String golden = name.equals("StartRound") ? "StartRound-dpo" : name;
        var schema =
                JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(tree(file));
        for (JsonNode required : tree(file).path("required")) {
            ObjectNode event = (ObjectNode)
                    EventJson.tree(Files.readAllBytes(Path.of("src/test/resources/golden/v1", golden + ".json")));
            event.remove(required.asText());
            assertFalse(schema.validate(event).isEmpty(), name + " without " + required.asText());
        }
    }

    static Stream<String> files() throws IOException {
        try (Stream<Path> all = Files.list(SCHEMAS)) {
            return all.map(path -> path.getFileName().toString()).sorted().toList().stream();
        }
    }

    private static void assertDescribes(Map<String, Class<?>> records, JsonNode schema) {
        if (schema.has("oneOf")) {
            return;
        }
        String title = schema.path("title").asText();
        Class<?> type = records.get(title);
        assertTrue(type != null, "no record " + title);
        Set<String> expected = Stream.of(type.getRecordComponents())
                .map(RecordComponent::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> described = new TreeSet<>();
        schema.path("properties").fieldNames().forEachRemaining(described::add);
        if (RoundConfig.class.isAssignableFrom(type)) {
            assertTrue(described.remove("kind"), title);
        }
        if (Stream.of(RankingEvent.class, RoundCommand.class, RoundEvent.class)
                .anyMatch(family -> family.isAssignableFrom(type))) {
            assertEquals(
                    title, schema.path("properties").path("type").path("const").asText());
            described.remove("type");
        }
        assertEquals(expected, described, title);
    }

    /** All records of the events, by their simple name. */
    private static Map<String, Class<?>> nested() {
        Map<String, Class<?>> records = new HashMap<>(EventTypes.records());
        Stream.of(
                        Message.class,
                        Output.class,
                        Output.Provenance.class,
                        Output.Sampling.class,
                        RankingRules.class,
                        Criterion.class,
                        PreferenceSet.Pair.class,
                        PreferenceSet.Tie.class,
                        PreferenceSet.RankingUsed.class,
                        RoundCommand.PartitionEnd.class,
                        RoundCommand.SftRecord.class,
                        RoundConfig.Lora.class,
                        RoundConfig.Training.class,
                        RoundConfig.Sample.class,
                        RoundConfig.Sft.class,
                        RoundConfig.Reward.class,
                        RoundConfig.Dpo.class,
                        RoundConfig.Ppo.class,
                        Task.Selection.class,
                        Evaluation.class,
                        Evaluation.Verdict.class,
                        Evaluation.Bin.class,
                        Evaluation.Share.class,
                        AdapterManifest.BaseModel.class,
                        AdapterManifest.ArtifactFile.class,
                        AdapterLoad.Traffic.class,
                        ChannelPointer.Canary.class,
                        AdapterManifest.ChunkLocation.class)
                .forEach(type -> records.put(type.getSimpleName(), type));
        return records;
    }

    private static JsonNode tree(String file) {
        try {
            return EventJson.tree(Files.readAllBytes(SCHEMAS.resolve(file)));
        } catch (IOException | InvalidEventException e) {
            throw new AssertionError(file, e);
        }
    }
}
