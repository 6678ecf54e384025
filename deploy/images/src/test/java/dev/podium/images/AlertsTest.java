package dev.podium.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The alerts as Prometheus itself evaluates them, and what the operations guide says of them. */
class AlertsTest {
    private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();
    private static final Path RULES = ROOT.resolve("deploy/helm/podium/files/alerts.yaml");
    private static final Path CASES = ROOT.resolve("deploy/observability/alerts-test.yaml");
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

    @Test
    void alertsFireWhenTheyShouldAndNotBefore() throws Exception {
        Path promtool = Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
                .map(folder -> Path.of(folder, "promtool"))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(Path.of(""));
        assumeTrue(
                !promtool.toString().isEmpty(), "skipped: no promtool on the path (it comes with Debian's prometheus)");
        Process process = new ProcessBuilder(promtool.toString(), "test", "rules", CASES.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
    }

    @Test
    void everyAlertIsSeenToFire() throws IOException {
        Set<String> fired = new TreeSet<>();
        for (JsonNode group : YAML.readTree(CASES.toFile()).path("tests")) {
            for (JsonNode look : group.path("alert_rule_test")) {
                if (!look.path("exp_alerts").isEmpty()) {
                    fired.add(look.path("alertname").asText());
                }
            }
        }
        assertEquals(
                alerts().map(alert -> alert.path("alert").asText()).collect(Collectors.toCollection(TreeSet::new)),
                fired);
    }

    @Test
    void everyAlertLeadsToItsChapterOfTheGuide() throws IOException {
        Set<String> chapters = Files.readAllLines(ROOT.resolve("docs/operations.md")).stream()
                .filter(line -> line.startsWith("#"))
                .map(line -> "docs/operations.md#"
                        + line.replaceFirst("#+ ", "").toLowerCase(Locale.ROOT).replace(' ', '-'))
                .collect(Collectors.toSet());
        alerts().forEach(alert -> {
            String runbook = alert.path("annotations").path("runbook").asText();
            assertTrue(chapters.contains(runbook), alert.path("alert").asText() + " leads to " + runbook);
        });
    }

    private static Stream<JsonNode> alerts() throws IOException {
        Stream.Builder<JsonNode> alerts = Stream.builder();
        YAML.readTree(RULES.toFile())
                .path("groups")
                .forEach(group -> group.path("rules").forEach(alerts));
        return alerts.build();
    }
}
