package dev.podium.contracts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Events of version 1 as they were written once. They must parse for ever: a change that breaks one of these files needs
 * a new major version, not a new file.
 */
class GoldenFilesTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/v1");
    private static final JsonSchemaFactory SCHEMAS = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
    private static final Map<String, JsonSchema> LOADED = new HashMap<>();

    @ParameterizedTest
    @MethodSource("all")
    void everyGoldenFileParses(String file) throws Exception {
        Object event = read(file);

        assertEquals(name(file), event.getClass().getSimpleName());
    }

    @ParameterizedTest
    @MethodSource("all")
    void everyGoldenFileConformsToItsSchema(String file) throws Exception {
        assertConforms(name(file), EventJson.tree(bytes(file)));
    }

    @ParameterizedTest
    @MethodSource("complete")
    void whatIsWrittenIsTheGoldenFileAgain(String file) throws Exception {
        JsonNode written = EventJson.tree(EventJson.write(read(file)));

        assertEquals(EventJson.tree(bytes(file)), written);
        assertConforms(name(file), written);
    }

    @ParameterizedTest
    @MethodSource("withUnknownField")
    void unknownFieldsAreIgnored(String file) throws Exception {
        assertEquals(read(file.replace(".unknown-field", "")), read(file));
    }

    @ParameterizedTest
    @MethodSource("minimal")
    void whatIsLeftOutHasADefaultThatCanBeWritten(String file) throws Exception {
        Object event = read(file);

        byte[] written = EventJson.write(event);

        assertConforms(name(file), EventJson.tree(written));
        assertEquals(event, EventJson.read(written, EventTypes.readAs().get(name(file))));
    }

    @Test
    void everyEventHasAGoldenFileWithAndWithoutAnUnknownField() throws Exception {
        Set<String> complete = files(".json").map(GoldenFilesTest::name).collect(Collectors.toSet());
        Set<String> unknown =
                files(".unknown-field.json").map(GoldenFilesTest::name).collect(Collectors.toSet());

        assertEquals(new TreeSet<>(EventTypes.records().keySet()), new TreeSet<>(complete));
        assertEquals(new TreeSet<>(EventTypes.records().keySet()), new TreeSet<>(unknown));
    }

    @Test
    void everyKindOfRoundHasAGoldenCommand() throws Exception {
        Set<RoundKind> kinds = files(".json")
                .filter(file -> name(file).equals("StartRound"))
                .map(file -> {
                    try {
                        return ((RoundCommand.StartRound) read(file)).kind();
                    } catch (Exception e) {
                        throw new AssertionError(file, e);
                    }
                })
                .collect(Collectors.toSet());

        assertEquals(Set.of(RoundKind.values()), kinds);
    }

    static Stream<String> all() throws IOException {
        return files(".json");
    }

    static Stream<String> complete() throws IOException {
        return files(".json").filter(file -> file.indexOf('.') == file.lastIndexOf('.'));
    }

    static Stream<String> withUnknownField() throws IOException {
        return files(".unknown-field.json");
    }

    static Stream<String> minimal() throws IOException {
        return files(".minimal.json");
    }

    private static Stream<String> files(String ending) throws IOException {
        try (Stream<Path> all = Files.list(GOLDEN)) {
            List<String> names = all.map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(ending))
                    .sorted()
                    .toList();
            return names.stream();
        }
    }

    /** {@code StartRound-dpo.minimal.json} holds a StartRound. */
    private static String name(String file) {
        return file.split("[-.]")[0];
    }

    private static byte[] bytes(String file) throws IOException {
        return Files.readAllBytes(GOLDEN.resolve(file));
    }

    private static Object read(String file) throws Exception {
        return EventJson.read(bytes(file), EventTypes.readAs().get(name(file)));
    }

    static void assertConforms(String event, JsonNode json) {
        JsonSchema schema = LOADED.computeIfAbsent(event, GoldenFilesTest::load);
        assertTrue(schema.validate(json).isEmpty(), () -> schema.validate(json).toString());
    }

    private static JsonSchema load(String event) {
        try (InputStream in = EventJson.class.getResourceAsStream("/schemas/" + event + ".v1.json")) {
            return SCHEMAS.getSchema(in);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
