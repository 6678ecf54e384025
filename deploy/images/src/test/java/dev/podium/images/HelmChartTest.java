package dev.podium.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.podium.contracts.Topics;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.strimzi.api.kafka.model.kafka.Kafka;
import io.strimzi.api.kafka.model.nodepool.KafkaNodePool;
import io.strimzi.api.kafka.model.topic.KafkaTopic;
import io.strimzi.api.kafka.model.user.KafkaUser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The chart as Helm renders it, read as the types of Kubernetes and Strimzi: a field that they do not have is a mistake.
 * Without Helm on the path the rendering is skipped, and said to be.
 */
class HelmChartTest {
    private static final Path CHART = Path.of("../helm/podium").toAbsolutePath().normalize();
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Kinds with a type; those of KEDA, the Prometheus operator and CloudNativePG have none on the class path. */
    private static final Map<String, Class<?>> TYPES = Map.ofEntries(
            Map.entry("Deployment", Deployment.class),
            Map.entry("StatefulSet", StatefulSet.class),
            Map.entry("Service", Service.class),
            Map.entry("ServiceAccount", ServiceAccount.class),
            Map.entry("ConfigMap", ConfigMap.class),
            Map.entry("Ingress", Ingress.class),
            Map.entry("NetworkPolicy", NetworkPolicy.class),
            Map.entry("PodDisruptionBudget", PodDisruptionBudget.class),
            Map.entry("Kafka", Kafka.class),
            Map.entry("KafkaNodePool", KafkaNodePool.class),
            Map.entry("KafkaTopic", KafkaTopic.class),
            Map.entry("KafkaUser", KafkaUser.class));

    @Test
    void topicsOfTheChartAreThoseOfTheContracts() throws Exception {
        Map<String, Map<String, String>> expected = new TreeMap<>();
        for (String topic : Topics.all()) {
            expected.put(topic, new TreeMap<>(Topics.configuration(topic)));
        }
        Path file = CHART.resolve("files/topics.yaml");
        if (Boolean.getBoolean("podium.update")) {
            Files.writeString(
                    file,
                    "# Written from dev.podium.contracts.Topics by HelmChartTest with -Dpodium.update=true\n"
                            + YAML.writeValueAsString(expected).replaceFirst("^---\n", ""));
        }

        Map<?, ?> written = YAML.readValue(file.toFile(), Map.class);

        assertEquals(expected, written, "run HelmChartTest with -Dpodium.update=true");
    }

    @ParameterizedTest
    @ValueSource(strings = {"minimal", "full", "oauth", "external"})
    void everyResourceIsOneThatKubernetesAndStrimziKnow(String values) throws Exception {
        List<JsonNode> resources = render(values);

        List<String> unknown = new ArrayList<>();
        for (JsonNode resource : resources) {
            Class<?> type = TYPES.get(resource.path("kind").asText());
            if (type != null) {
                // What the type does not know does not come back, or comes back as an additional property.
                JsonNode known = JSON.valueToTree(JSON.treeToValue(resource, type));
                missing(resource, known, name(resource), unknown);
                additional(JSON.treeToValue(resource, type), name(resource), unknown);
            }
        }
        assertEquals(List.of(), unknown);
        assertTrue(resources.size() >= 12, "only " + resources.size() + " resources");
    }

    @Test
    void strimzisResourcesAreOfTheNamedVersionAndHaveNoFieldThatTheNewestDropped() throws Exception {
        for (String version : List.of("v1", "v1beta2")) {
            List<JsonNode> strimzis = render("full", "--set", "kafka.strimzi.apiVersion=" + version).stream()
                    .filter(each -> each.path("apiVersion").asText().startsWith("kafka.strimzi.io/"))
                    .toList();

            List<String> dropped = new ArrayList<>();
            for (JsonNode resource : strimzis) {
                assertEquals(
                        "kafka.strimzi.io/" + version,
                        resource.path("apiVersion").asText(),
                        name(resource));
                Object typed = JSON.treeToValue(
                        resource, TYPES.get(resource.path("kind").asText()));
                deprecated(typed, name(resource), dropped);
            }
            // What v1 has not, was deprecated before.
            assertEquals(List.of(), dropped);
            assertEquals(
                    List.of("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser"),
                    strimzis.stream()
                            .map(each -> each.path("kind").asText())
                            .distinct()
                            .sorted()
                            .toList());
        }
        assertEquals(
                render("full", "--set", "kafka.strimzi.apiVersion=v1"),
                render("full"),
                "v1 is the default: all operators that run this version of Kafka serve it");
    }

    @Test
    void helmDeletesNothingOfTheKafkaCluster() throws Exception {
        TreeSet<String> kept = new TreeSet<>();
        for (JsonNode resource : render("full")) {
            if (resource.path("apiVersion").asText().startsWith("kafka.strimzi.io/")) {
                assertEquals(
                        "keep",
                        resource.path("metadata")
                                .path("annotations")
                                .path("helm.sh/resource-policy")
                                .asText(),
                        name(resource));
                kept.add(resource.path("kind").asText());
            }
        }
        assertEquals(new TreeSet<>(List.of("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser")), kept);
    }

    @ParameterizedTest
    @ValueSource(strings = {"minimal", "full", "oauth", "external"})
    void selectorsFindTheirPodsAndNamesAreUnique(String values) throws Exception {
        List<JsonNode> resources = render(values);
        List<JsonNode> pods = resources.stream()
                .map(resource -> resource.path("spec").path("template").path("metadata"))
                .filter(metadata -> metadata.has("labels"))
                .map(metadata -> metadata.path("labels"))
                .toList();

        TreeSet<String> names = new TreeSet<>();
        for (JsonNode resource : resources) {
            assertTrue(names.add(name(resource)), "twice: " + name(resource));
            JsonNode selector =
                    switch (resource.path("kind").asText()) {
                        case "Service" -> resource.path("spec").path("selector");
                        case "Deployment", "StatefulSet", "PodDisruptionBudget" ->
                            resource.path("spec").path("selector").path("matchLabels");
                        default -> JSON.createObjectNode();
                    };
            assertTrue(
                    selector.isEmpty()
                            || pods.stream()
                                            .filter(labels -> matches(selector, labels))
                                            .count()
                                    == 1,
                    name(resource) + " selects none or several of the pods");
        }
    }

    @Test
    void noPodRunsAsRootOrCanWriteItsImage() throws Exception {
        for (JsonNode resource : render("full")) {
            JsonNode pod = resource.path("spec").path("template").path("spec");
            if (pod.has("containers")) {
                assertTrue(pod.path("securityContext").path("runAsNonRoot").asBoolean(), name(resource));
                assertFalse(pod.path("automountServiceAccountToken").asBoolean(true), name(resource));
                for (JsonNode container : pod.path("containers")) {
                    JsonNode security = container.path("securityContext");
                    assertTrue(security.path("readOnlyRootFilesystem").asBoolean(), name(resource));
                    assertFalse(security.path("allowPrivilegeEscalation").asBoolean(true), name(resource));
                    assertTrue(container.has("livenessProbe") && container.has("readinessProbe"), name(resource));
                    assertTrue(container.path("resources").path("limits").has("memory"), name(resource));
                }
            }
        }
    }

    @Test
    void nothingIsInstalledWithoutItsSecrets() throws Exception {
        Rendered rendered = helm(
                "template",
                "podium",
                CHART.toString(),
                "--kube-version",
                "1.33.0",
                "--set",
                "image.repository=registry.example.org/podium");

        assertTrue(rendered.exitCode() != 0);
        assertTrue(rendered.text().contains("feedbackApi.existingSecret"), rendered.text());
    }

    @Test
    void lintFindsNothing() throws Exception {
        Rendered rendered =
                helm("lint", CHART.toString(), "--strict", "--kube-version", "1.33.0", "-f", CHART + "/ci/full.yaml");

        assertEquals(0, rendered.exitCode(), rendered.text());
    }

    @Test
    void everyTopicHasTheWritersThatTheContractsSayAndNoOther() throws Exception {
        JsonNode rights = YAML.readTree(CHART.resolve("files/rights.yaml").toFile());
        Map<String, TreeSet<String>> writers = new TreeMap<>();
        rights.properties()
                .forEach(user -> user.getValue()
                        .path("write")
                        .forEach(topic -> writers.computeIfAbsent(topic.asText(), name -> new TreeSet<>())
                                .add(user.getKey())));
        TreeSet<String> trainers = new TreeSet<>(List.of("policy-trainer", "reward-trainer"));
        Map<String, TreeSet<String>> several = Map.of(
                Topics.ADAPTERS,
                trainers,
                Topics.ROUND_EVENTS,
                trainers,
                Topics.ARTIFACT_CHUNKS,
                new TreeSet<>(List.of("feedback-api", "policy-trainer", "reward-trainer")),
                Topics.DEAD_LETTERS,
                new TreeSet<>(List.of("policy-trainer", "ranking-stream", "reward-trainer")));

        for (String topic : Topics.all()) {
            TreeSet<String> found = writers.getOrDefault(topic, new TreeSet<>());
            if (topic.equals(Topics.ADAPTER_LOADS)) {
                assertEquals(new TreeSet<>(), found, "services alone write " + topic);
            } else if (several.containsKey(topic)) {
                assertEquals(several.get(topic), found, topic);
            } else {
                assertEquals(1, found.size(), topic + " is written by " + found);
            }
        }
        assertTrue(new TreeSet<>(Topics.all()).containsAll(writers.keySet()), "unknown topics in " + writers.keySet());
    }

    @Test
    void secretsAreFilesOrReferencesAndEachSigningKeyIsForThoseWhoSignAlone() throws Exception {
        TreeSet<String> sign = new TreeSet<>();
        Map<String, String> keys = new TreeMap<>();
        for (JsonNode resource : render("full")) {
            JsonNode pod = resource.path("spec").path("template").path("spec");
            for (JsonNode volume : pod.path("volumes")) {
                if (volume.path("name").asText().equals("signing")) {
                    keys.put(
                            pod.path("containers").get(0).path("name").asText(),
                            volume.path("secret").path("secretName").asText());
                }
            }
            for (JsonNode container : pod.path("containers")) {
                for (JsonNode variable : container.path("env")) {
                    String name = variable.path("name").asText();
                    if (name.matches(".*(PASSWORD|SECRET|TOKEN|SESSION_KEY|ACCESS_KEY_ID)")) {
                        assertTrue(variable.path("valueFrom").has("secretKeyRef"), name(resource) + " " + name);
                    }
                    if (name.equals("PODIUM_SIGNING_KEY_FILE")) {
                        sign.add(container.path("name").asText());
                    }
                }
            }
        }
        assertEquals(
                Map.of(
                        "policy-trainer", "podium-signing-key",
                        "reward-trainer", "podium-signing-key",
                        "feedback-api", "podium-pointer-key"),
                keys);
        assertEquals(keys.keySet(), sign);
    }

    @Test
    void noTrainerAtWorkIsScaledAway() throws Exception {
        int seen = 0;
        for (JsonNode resource : render("full")) {
            if (resource.path("kind").asText().equals("ScaledObject")
                    && name(resource).endsWith("-trainer")) {
                seen++;
                assertEquals(
                        "Disabled",
                        resource.at("/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown/selectPolicy")
                                .asText(),
                        name(resource));
            }
        }
        assertEquals(2, seen);
    }

    private static void missing(JsonNode wanted, JsonNode known, String path, List<String> unknown) {
        if (wanted.isObject()) {
            wanted.properties().forEach(entry -> {
                JsonNode value = entry.getValue();
                // Strimzi leaves defaults out; a name that it does not know is found as an additional property.
                boolean empty = value.isNull()
                        || (value.isBoolean() && !value.asBoolean())
                        || (value.isContainerNode() && value.isEmpty());
                if (known.has(entry.getKey())) {
                    missing(value, known.get(entry.getKey()), path + "." + entry.getKey(), unknown);
                } else if (!empty) {
                    unknown.add(path + "." + entry.getKey());
                }
            });
        } else if (wanted.isArray()) {
            for (int i = 0; i < wanted.size(); i++) {
                missing(wanted.get(i), known.path(i), path + "[" + i + "]", unknown);
            }
        }
    }

    /** Types of Kubernetes and Strimzi keep what they do not know in a map; it must be empty everywhere. */
    private static void additional(Object value, String path, List<String> unknown) throws Exception {
        if (value == null || value instanceof Enum<?>) {
            return;
        }
        if (value instanceof Iterable<?> elements) {
            for (Object element : elements) {
                additional(element, path + "[]", unknown);
            }
            return;
        }
        String type = value.getClass().getName();
        if (!type.startsWith("io.fabric8.kubernetes.api.model") && !type.startsWith("io.strimzi.api")) {
            return;
        }
        for (var method : value.getClass().getMethods()) {
            if (method.getParameterCount() > 0 || !method.getName().startsWith("get")) {
                continue;
            }
            if (method.getName().equals("getAdditionalProperties")) {
                Map<?, ?> more = (Map<?, ?>) method.invoke(value);
                if (more != null) {
                    more.keySet().forEach(key -> unknown.add(path + "." + key + " (" + type + ")"));
                }
            } else if (!method.getName().equals("getClass")) {
                additional(method.invoke(value), path + "." + method.getName().substring(3), unknown);
            }
        }
    }

    /** Fields that are set though their type has deprecated them. */
    private static void deprecated(Object value, String path, List<String> found) throws Exception {
        if (value instanceof Iterable<?> elements) {
            for (Object element : elements) {
                deprecated(element, path + "[]", found);
            }
            return;
        }
        if (value == null
                || value instanceof Enum<?>
                || !value.getClass().getName().startsWith("io.strimzi.api")) {
            return;
        }
        for (var method : value.getClass().getMethods()) {
            if (method.getParameterCount() > 0 || !method.getName().startsWith("get")) {
                continue;
            }
            Object field = method.invoke(value);
            if (field == null || method.getReturnType().isPrimitive()) {
                continue;
            }
            if (method.isAnnotationPresent(Deprecated.class)) {
                found.add(path + "." + method.getName());
            }
            deprecated(field, path + "." + method.getName().substring(3), found);
        }
    }

    private static boolean matches(JsonNode selector, JsonNode labels) {
        return selector.properties().stream().allMatch(label -> label.getValue().equals(labels.get(label.getKey())));
    }

    private static String name(JsonNode resource) {
        return resource.path("kind").asText() + "/"
                + resource.path("metadata").path("name").asText();
    }

    private static List<JsonNode> render(String values, String... more) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(
                "template",
                "podium",
                CHART.toString(),
                "--kube-version",
                "1.33.0",
                "-f",
                CHART + "/ci/" + values + ".yaml"));
        arguments.addAll(List.of(more));
        Rendered rendered = helm(arguments.toArray(String[]::new));
        assertEquals(0, rendered.exitCode(), rendered.text());
        try (MappingIterator<JsonNode> documents =
                YAML.readerFor(JsonNode.class).readValues(rendered.text())) {
            return documents.readAll().stream()
                    .filter(document -> document.isObject() && !document.isEmpty())
                    .toList();
        }
    }

    private record Rendered(int exitCode, String text) {}

    private static Rendered helm(String... arguments) throws IOException, InterruptedException {
        Optional<Path> helm = findHelm();
        assumeTrue(helm.isPresent(), "skipped: no helm on the path (go install helm.sh/helm/v3/cmd/helm@latest)");
        List<String> line = new ArrayList<>(List.of(helm.get().toString()));
        line.addAll(List.of(arguments));
        Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Rendered(process.waitFor(), text);
    }

    private static Optional<Path> findHelm() {
        Stream<String> folders = Stream.concat(
                Stream.of(System.getenv().getOrDefault("PATH", "").split(":")),
                Stream.of(System.getProperty("user.home") + "/go/bin"));
        return folders.map(folder -> Path.of(folder, "helm"))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
