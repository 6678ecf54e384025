package dev.podium.local.bench.methods;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MethodFiguresTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static JsonNode run(String method, long seed, double before, double after) {
        ObjectNode run = JSON.createObjectNode();
        run.put("model", "podium-nano").put("method", method).put("seed", seed);
        run.putObject("figures")
                .putObject("heldout_accuracy")
                .put("before", before)
                .put("after", after);
        return run;
    }

    @Test
    void aFigureIsTheMeanOverItsSeedsWithTheSpreadOfASample() {
        MethodFigures figures = new MethodFigures(List.of(
                run("reward/davidson", 1, 0.5, 0.7),
                run("reward/davidson", 2, 0.4, 0.8),
                run("reward/davidson", 3, 0.6, 0.9),
                run("reward/ensemble", 1, 0.5, 0.75)));

        List<ObjectNode> lines = figures.lines();
        assertEquals(2, lines.size());
        ObjectNode line = lines.getFirst();
        assertEquals("reward/davidson", line.path("method").asText());
        assertEquals(0.8, line.path("value").asDouble(), 1e-9);
        assertEquals(0.1, line.path("spread").asDouble(), 1e-9);
        assertEquals(0.5, line.path("before").asDouble(), 1e-9);
        assertEquals(3, line.path("runs").asInt());
        assertEquals(0, lines.get(1).path("spread").asDouble());
        assertEquals("""
            | reward | `heldout_accuracy` |
            |---|---|
            | davidson | 0.500 → 0.800 ± 0.100 |
            | ensemble | 0.500 → 0.750 (1 seed) |
            """, figures.markdown());
    }

    @Test
    void everyLossAdvantageAndWayOfSftIsAMethodWithAConfiguration() {
        List<Method> all = Method.all();
        assertEquals(
                RoundConfig.Sft.METHODS.size()
                        + RoundConfig.Reward.LOSSES.size()
                        + 1
                        + RoundConfig.Dpo.LOSSES.size()
                        + RoundConfig.Ppo.ADVANTAGES.size(),
                all.size());
        for (Method method : all) {
            assertEquals(
                    method.kind(),
                    MethodScale.of("podium-nano").config(method, 3).kind());
            assertEquals(3, MethodScale.of("podium-nano").config(method, 3).seed());
        }
        assertEquals(4, Method.of(List.of("ppo", "ppo/rloo")).size());
        assertEquals(List.of(new Method(RoundKind.DPO, "ipo")), Method.of(List.of("dpo/ipo")));
        String refused = assertThrows(IllegalArgumentException.class, () -> Method.of(List.of("dpo/nonsense")))
                .getMessage();
        assertTrue(refused.contains("dpo/sigmoid"), refused);
    }

    /** The runs are all there, so no process is started: there is no base model in that folder. */
    @Test
    void aRunThatIsInTheFileIsNotRunAgain(@TempDir Path folder) throws Exception {
        Methods.Wanted wanted = new Methods.Wanted(
                "podium-nano",
                folder.resolve("no-models"),
                Method.of(List.of("sft/lora")),
                2,
                folder.resolve("runs.jsonl"),
                folder.resolve("work"),
                Optional.empty(),
                1);
        Methods methods = new Methods(wanted, new PrintWriter(new StringWriter()), false);
        List<String> lines = new ArrayList<>();
        for (int seed = 1; seed <= 2; seed++) {
            ObjectNode run = (ObjectNode) run("sft/lora", seed, 0.5, 0.6);
            run.put("configuration", methods.fingerprint(wanted.methods().getFirst()));
            lines.add(run.toString());
        }
        Files.write(wanted.runs(), lines);

        assertEquals(2, methods.run().size());
    }
}
