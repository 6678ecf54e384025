package dev.podium.local.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Pointers that services follow. */
@Command(name = "channel", description = "Channels: list, promote, rollback, canary, history, rule, loads, forget.")
final class ChannelCommands {
    private final Session session;

    ChannelCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists a project's channels.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "channels"),
                json.json,
                "channel",
                "version",
                "canary.version",
                "canary.percent",
                "sequence",
                "changedBy",
                "at",
                "reason");
    }

    @Command(name = "loads", description = "Lists what each service runs, or why it refused.")
    int loads(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "loads"),
                json.json,
                "instanceId",
                "channel",
                "status",
                "runningVersion",
                "sequence",
                "at",
                "swapMillis",
                "problem");
    }

    @Command(
            name = "forget",
            description = "Takes back the report of an instance that is gone for good, so that nobody misses it.")
    int forget(@Parameters(paramLabel = "INSTANCE", description = "as loads names it") String instance)
            throws IOException, StackException, InterruptedException {
        Map<String, Object> kafka = session.kafka();
        Set<String> known = instances(kafka);
        if (!known.contains(instance)) {
            throw new StackException("no instance " + instance + " has reported; "
                    + (known.isEmpty() ? "none has" : "those that have: " + String.join(", ", known)));
        }
        kafka.put(ProducerConfig.ACKS_CONFIG, "all");
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(Topics.ADAPTER_LOADS, instance.getBytes(UTF_8), null))
                    .get();
        } catch (ExecutionException e) {
            throw new IOException("Kafka did not take it: " + e.getCause(), e);
        }
        session.out().println(instance + " is forgotten; if it runs, it reports again");
        return 0;
    }

    /** Those whose newest report was not taken back. */
    private static Set<String> instances(Map<String, Object> kafka) {
        Set<String> known = new TreeSet<>();
        try (BoundedReader reader = BoundedReader.connect(kafka)) {
            reader.readAll(reader.partitions(Topics.ADAPTER_LOADS), record -> {
                String instance = new String(record.key(), UTF_8);
                if (record.value() == null) {
                    known.remove(instance);
                } else {
                    known.add(instance);
                }
                return true;
            });
        }
        return known;
    }

    @Command(name = "promote", description = "Points a channel to an adapter version.")
    int promote(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--channel", defaultValue = "production") String channel,
            @Option(names = "--reason") Optional<String> reason,
            @Parameters(paramLabel = "VERSION", description = "'base' for the base model without an adapter")
                    String version,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        ObjectNode body = new ObjectMapper().createObjectNode();
        if (version.equals("base")) {
            body.putNull("version");
        } else {
            body.put("version", version);
        }
        reason.ifPresent(text -> body.put("reason", text));
        try (Api api = session.api()) {
            return print(api.put(Api.path("projects", project, "channels", channel), body, Map.of()), json.json);
        }
    }

    @Command(name = "rollback", description = "Points a channel to what it pointed to before.")
    int rollback(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "CHANNEL", defaultValue = "production", description = "${DEFAULT-VALUE}")
                    String channel,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            // Sent twice, it is one step back all the same.
            Map<String, String> once =
                    Map.of("Idempotency-Key", UUID.randomUUID().toString());
            return print(
                    api.post(Api.path("projects", project, "channels", channel, "rollback"), Map.of(), once)
                            .orElseThrow(),
                    json.json);
        }
    }

    @Command(
            name = "canary",
            description = "Lets a share of a channel's instances or requests try a version, or ends it.")
    int canary(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--channel", defaultValue = "production") String channel,
            @Option(names = "--percent", defaultValue = "10", description = "${DEFAULT-VALUE}") double percent,
            @Option(names = "--by", defaultValue = "instances", description = "instances or requests") String by,
            @Option(names = "--reason") Optional<String> reason,
            @Option(names = "--end", description = "all go on with what the channel points to") boolean end,
            @Parameters(paramLabel = "VERSION", arity = "0..1") Optional<String> version,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        String path = Api.path("projects", project, "channels", channel, "canary");
        try (Api api = session.api()) {
            if (end) {
                return print(api.delete(path), json.json);
            }
            ObjectNode body = new ObjectMapper().createObjectNode();
            body.put(
                    "version",
                    version.orElseThrow(
                            () -> new IllegalArgumentException("name the VERSION to try, or --end the trial")));
            body.put("percent", percent);
            body.put("by", by);
            reason.ifPresent(text -> body.put("reason", text));
            return print(api.put(path, body, Map.of()), json.json);
        }
    }

    @Command(name = "history", description = "Lists who pointed a channel where, when and why.")
    int history(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "CHANNEL", defaultValue = "production", description = "${DEFAULT-VALUE}")
                    String channel,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "channels", channel, "history"),
                json.json,
                "pointer.sequence",
                "pointer.version",
                "pointer.canary.version",
                "pointer.canary.percent",
                "pointer.changedBy",
                "pointer.at",
                "automatic",
                "pointer.reason");
    }

    @Command(name = "rule", description = "Shows, sets or switches off the rule that rolls a channel back by itself.")
    int rule(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--refused-instances", description = "roll back when so many refuse the version")
                    Optional<Integer> refused,
            @Option(names = "--error-percent", description = "roll back at more errors than this")
                    Optional<Double> errorPercent,
            @Option(names = "--min-requests", defaultValue = "100", description = "${DEFAULT-VALUE}") long minRequests,
            @Option(names = "--off") boolean off,
            @Parameters(paramLabel = "CHANNEL", defaultValue = "production", description = "${DEFAULT-VALUE}")
                    String channel,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        String path = Api.path("projects", project, "channels", channel, "rule");
        try (Api api = session.api()) {
            JsonNode rule;
            if (off) {
                api.delete(path);
                session.out().println(channel + " has no rule");
                return 0;
            } else if (refused.isPresent() || errorPercent.isPresent()) {
                rule = api.put(
                        path,
                        Map.of(
                                "refusedInstances", refused.orElse(0),
                                "errorPercent", errorPercent.orElse(0.0),
                                "minRequests", minRequests),
                        Map.of());
            } else {
                rule = api.get(path);
            }
            if (rule.isMissingNode()) {
                session.out().println(channel + " has no rule");
                return 0;
            }
            if (json.json) {
                session.printJson(rule);
            } else {
                session.printPretty(rule);
            }
            return 0;
        }
    }

    private int print(JsonNode pointer, boolean json) {
        if (json) {
            session.printJson(pointer);
        } else {
            session.out()
                    .println(pointer.path("channel").asText() + " -> "
                            + pointer.path("version").asText("the base model")
                            + canary(pointer.path("canary")) + " (change "
                            + pointer.path("sequence").asText() + ")");
        }
        return 0;
    }

    private static String canary(JsonNode canary) {
        return canary.isObject()
                ? ", " + canary.path("version").asText() + " for "
                        + canary.path("percent").asText() + "% of the "
                        + canary.path("by").asText().toLowerCase(Locale.ROOT)
                : "";
    }
}
