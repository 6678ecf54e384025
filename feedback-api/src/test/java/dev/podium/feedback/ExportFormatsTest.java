package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.jerolba.carpet.CarpetReader;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.embedded.testing.ServersResource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every format in every type of file, from sets as the stream publishes them. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class ExportFormatsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Inject
    EntityManager entities;

    @TempDir
    Path folder;

    private String project;

    @BeforeEach
    void aProjectWithADecidedTaskAndATie() {
        project = Api.project("{}");
        List<Output> outputs = List.of(output("a", "=good"), output("b", "fair"), output("c", "poor"));
        store(set(
                "t1",
                List.of(Message.user("Why?")),
                outputs,
                List.of(pair("a", "b"), pair("a", "c"), pair("b", "c")),
                List.of(),
                false,
                Map.of("b", 1)));
        store(set(
                "t2",
                List.of(Message.user("And?")),
                outputs,
                List.of(),
                List.of(new PreferenceSet.Tie("a", "b", 1, 1)),
                false,
                Map.of()));
    }

    @Test
    void trlPairsAreTextsAndTiesAreApart() throws Exception {
        List<JsonNode> pairs = lines("?format=trl");
        assertEquals(3, pairs.size());
        assertEquals("Why?", pairs.getFirst().path("prompt").asText());
        assertEquals("=good", pairs.getFirst().path("chosen").asText());
        assertEquals("fair", pairs.getFirst().path("rejected").asText());
        List<JsonNode> ties = lines("?format=ties");
        assertEquals(1, ties.size());
        assertEquals("t2-" + project, ties.getFirst().path("task_id").asText());
    }

    @Test
    void conversationsHaveNoPlainFormAndAutoKnows() throws Exception {
        List<Message> talk = List.of(Message.user("Hi"), Message.assistant("Yes?"), Message.user("Help"));
        store(set(
                "t3",
                talk,
                List.of(output("a", "x"), output("b", "y")),
                List.of(pair("a", "b")),
                List.of(),
                false,
                Map.of()));
        Api.operator()
                .get("/api/v1/projects/" + project + "/export?format=trl")
                .then()
                .statusCode(422)
                .body("code", equalTo("conversations"));
        List<JsonNode> pairs = lines("");
        assertEquals(4, pairs.size());
        assertTrue(pairs.stream().allMatch(pair -> pair.path("prompt").isArray()), "one type in a column");
        assertEquals(3, pairs.getLast().path("prompt").size());
    }

    @Test
    void ktoLabelsWhatWinsAllWhatLosesAllAndWhatIsUnacceptable() throws Exception {
        Map<String, Boolean> labels = new HashMap<>();
        for (JsonNode line : lines("?format=kto")) {
            labels.put(line.path("completion").asText(), line.path("label").asBoolean());
        }
        assertEquals(Map.of("=good", true, "fair", false, "poor", false), labels);
    }

    @Test
    void aListHasThePlaceOfEachOutputAndNoneWhereVotesGoRound() throws Exception {
        store(set(
                "t4",
                List.of(Message.user("Round?")),
                List.of(output("a", "x"), output("b", "y"), output("c", "z")),
                List.of(pair("a", "b"), pair("b", "c"), pair("c", "a")),
                List.of(),
                true,
                Map.of()));
        Map<String, JsonNode> lists = new HashMap<>();
        for (JsonNode line : lines("?format=listwise")) {
            lists.put(line.path("task_id").asText().substring(0, 2), line);
        }
        assertEquals("[1,2,3]", lists.get("t1").path("ranks").toString());
        assertEquals("[0,1,0]", lists.get("t1").path("unacceptable").toString());
        assertTrue(lists.get("t4").path("cycle").asBoolean());
        assertEquals(0, lists.get("t4").path("ranks").size());
    }

    @Test
    void aListGivesTheAggregatedOrderWhereTheProjectWantsItAlsoThroughACircle() throws Exception {
        Api.operator()
                .body(Map.of("aggregation", "kemeny", "listwiseFromAggregation", true))
                .put("/api/v1/projects/" + project + "/work-rules")
                .then()
                .statusCode(200);
        // The vote that contradicts the fewest is the last: c over a by 2 to 1. The fourth output says what b says.
        store(set(
                "t4",
                List.of(Message.user("Round?")),
                List.of(output("a", "x"), output("b", "y"), output("c", "z"), output("d", " y")),
                List.of(
                        new PreferenceSet.Pair("a", "b", 1.0 / 3, 3, 0, 0.5, 0.875),
                        new PreferenceSet.Pair("b", "c", 1.0 / 3, 3, 0, 0.5, 0.875),
                        new PreferenceSet.Pair("c", "a", 1.0 / 3, 2, 1, 0.5, 0.625)),
                List.of(),
                true,
                Map.of()));
        JsonNode round = lines("?format=listwise").stream()
                .filter(line -> line.path("task_id").asText().startsWith("t4"))
                .findFirst()
                .orElseThrow();
        assertEquals("[1,2,3,2]", round.path("ranks").toString());
        assertTrue(round.path("cycle").asBoolean());
        Api.operator()
                .get("/api/v1/projects/" + project + "/exports")
                .then()
                .body("files[0].order[0]", equalTo("kemeny"));
    }

    @Test
    void parquetHoldsTheSameRowsAndItsManifestTheirNumberAndHash() throws Exception {
        Response answer =
                Api.operator().get("/api/v1/projects/" + project + "/export?format=trl-conversational&file=parquet");
        byte[] bytes = answer.then().statusCode(200).extract().asByteArray();
        Path file = Files.write(folder.resolve("pairs.parquet"), bytes);
        @SuppressWarnings("rawtypes")
        List<Map> rows = new CarpetReader<>(file.toFile(), Map.class).toList();
        assertEquals(3, rows.size());
        assertEquals(
                List.of(Map.of("role", "assistant", "content", "=good")),
                rows.getFirst().get("chosen"));
        Api.operator()
                .get("/api/v1/projects/" + project + "/exports/" + answer.header("Podium-Export-Id"))
                .then()
                .statusCode(200)
                .body("files[0].rows", equalTo(3))
                .body("files[0].bytes", equalTo(bytes.length))
                .body("files[0].sha256", equalTo(sha256(bytes)));
    }

    @Test
    void aParquetFileThatWasExportedIsImportedAgain() {
        byte[] bytes = Api.operator()
                .get("/api/v1/projects/" + project + "/export?format=trl&file=parquet")
                .asByteArray();
        String fresh = Api.project("{}");
        Api.operator()
                .contentType("application/vnd.apache.parquet")
                .body(bytes)
                .post("/api/v1/projects/" + fresh + "/import")
                .then()
                .statusCode(200)
                .body("format", equalTo("trl"))
                .body("tasks", equalTo(3))
                .body("rankings", equalTo(3));
        Api.operator()
                .contentType("application/vnd.apache.parquet")
                .body(java.util.Arrays.copyOf(bytes, bytes.length - 9))
                .post("/api/v1/projects/" + fresh + "/import")
                .then()
                .statusCode(400)
                .body("code", equalTo("body_unreadable"));
    }

    @Test
    void aBundleIsOneSnapshotWithItsManifest() throws Exception {
        Response answer =
                Api.operator().get("/api/v1/projects/" + project + "/export/bundle?formats=trl,kto,ties&file=parquet");
        Map<String, byte[]> entries = new HashMap<>();
        try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(answer.asByteArray()))) {
            for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                entries.put(entry.getName(), zip.readAllBytes());
            }
        }
        assertEquals(java.util.Set.of("trl.parquet", "kto.parquet", "ties.parquet", "manifest.json"), entries.keySet());
        JsonNode manifest = JSON.readTree(entries.get("manifest.json"));
        assertEquals(answer.header("Podium-Export-Id"), manifest.path("id").asText());
        for (JsonNode file : manifest.path("files")) {
            assertEquals(
                    sha256(entries.get(file.path("name").asText())),
                    file.path("sha256").asText());
        }
        Api.operator().get("/api/v1/projects/" + project + "/exports").then().body("", hasSize(1));
    }

    @Test
    void aCellThatASpreadsheetWouldRunIsQuoted() {
        String csv = Api.operator()
                .get("/api/v1/projects/" + project + "/export?format=trl&file=csv")
                .then()
                .contentType(startsWith("text/csv"))
                .extract()
                .asString();
        assertTrue(csv.contains("\"'=good\""), csv);
    }

    private List<JsonNode> lines(String query) throws Exception {
        String text = Api.operator()
                .get("/api/v1/projects/" + project + "/export" + query)
                .then()
                .statusCode(200)
                .extract()
                .asString();
        List<JsonNode> all = new java.util.ArrayList<>();
        for (String line : text.split("\n")) {
            all.add(JSON.readTree(line));
        }
        return all;
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    private static Output output(String id, String text) {
        return new Output(id, text, Output.Provenance.imported(), List.of());
    }

    private static PreferenceSet.Pair pair(String chosen, String rejected) {
        return new PreferenceSet.Pair(chosen, rejected, 1.0 / 3, 1, 0, 0.5, 0.75);
    }

    private PreferenceSet set(
            String id,
            List<Message> prompt,
            List<Output> outputs,
            List<PreferenceSet.Pair> pairs,
            List<PreferenceSet.Tie> ties,
            boolean cycle,
            Map<String, Integer> unacceptable) {
        return new PreferenceSet(
                project,
                id + "-" + project,
                prompt,
                outputs,
                Optional.empty(),
                pairs,
                ties,
                unacceptable,
                List.of(new PreferenceSet.RankingUsed(
                        "ann", 1, UUID.randomUUID().toString(), "t", 0, 0, 1)),
                cycle,
                !pairs.isEmpty(),
                Instant.EPOCH);
    }

    /** As the projection does. */
    private void store(PreferenceSet set) {
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "insert into preference (task_id, project_id, pairs, ties, rankings, decided, body)"
                                        + " values (:t, :p, :pairs, :ties, 1, :decided, :body)")
                        .setParameter("t", set.taskId())
                        .setParameter("p", project)
                        .setParameter("pairs", set.pairs().size())
                        .setParameter("ties", set.ties().size())
                        .setParameter("decided", set.decided())
                        .setParameter("body", EventJson.writeText(set))
                        .executeUpdate());
    }
}
