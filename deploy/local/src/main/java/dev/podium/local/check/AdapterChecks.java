package dev.podium.local.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** From rounds to what services answer with. */
final class AdapterChecks {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> ENDS = Set.of("Succeeded", "Failed", "Cancelled");
    private static final Set<String> KINDS_WITH_ADAPTER = Set.of("SFT", "REWARD", "DPO", "PPO");
    // What a small round may come to without any fault.
    private static final Set<String> FAULTS_OF_LEARNING = Set.of("evaluation_failed", "diverged", "not_finite");
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final Evidence evidence;

    AdapterChecks(Evidence evidence) {
        this.evidence = evidence;
    }

    /** Of every manifest each file, put together from its chunks, has the size and the sha256 that it promises. */
    Finding verifiable() throws IOException {
        List<String> wrong = new ArrayList<>();
        Map<String, byte[]> chunks = new HashMap<>();
        for (ConsumerRecord<String, byte[]> record :
                TopicLog.read(evidence.bootstrapServers(), "rlhf.artifact-chunks.v1")) {
            if (record.value() == null) {
                chunks.remove(record.key());
            } else {
                chunks.put(record.key(), record.value());
            }
        }
        long files = 0;
        for (Map.Entry<String, JsonNode> manifest :
                TopicLog.newest(evidence.bootstrapServers(), "rlhf.adapters.v1").entrySet()) {
            List<JsonNode> all = new ArrayList<>();
            manifest.getValue().path("files").forEach(all::add);
            if (manifest.getValue().hasNonNull("dataSet")) {
                all.add(manifest.getValue().path("dataSet"));
            }
            for (JsonNode file : all) {
                files++;
                verify(manifest.getKey(), file, chunks, wrong);
            }
        }
        return new Finding("published_adapters_are_verifiable", files, wrong);
    }

    private static void verify(String adapter, JsonNode file, Map<String, byte[]> chunks, List<String> wrong) {
        String name = adapter + " " + file.path("name").asText();
        String sha256 = file.path("sha256").asText();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int index = 0; index < file.path("chunks").asInt(); index++) {
            byte[] chunk = chunks.get(sha256 + "/" + index);
            if (chunk == null) {
                wrong.add(name + " lacks chunk " + index);
                return;
            }
            bytes.writeBytes(chunk);
        }
        if (bytes.size() != file.path("bytes").asLong()) {
            wrong.add(name + " has " + bytes.size() + " bytes, not "
                    + file.path("bytes").asLong());
        } else if (!sha256(bytes.toByteArray()).equals(sha256)) {
            wrong.add(name + " has another sha256");
        }
    }

    /** Every manifest is signed by a trusted key, and a version that is published twice says the same twice. */
    Finding signed() throws IOException {
        List<String> wrong = new ArrayList<>();
        Map<String, PublicKey> trusted = ManifestSignature.trusted(evidence.trustedKeys());
        Map<String, byte[]> before = new HashMap<>();
        long looked = 0;
        for (ConsumerRecord<String, byte[]> record : TopicLog.read(evidence.bootstrapServers(), "rlhf.adapters.v1")) {
            looked++;
            if (record.value() == null) {
                wrong.add(record.key() + " is taken back; manifests stay");
                continue;
            }
            byte[] earlier = before.putIfAbsent(record.key(), record.value());
            if (earlier != null && !Arrays.equals(earlier, record.value())) {
                wrong.add(record.key() + " was published twice, with different manifests");
            }
            ManifestSignature.fault(ManifestSignature.MANIFEST, record, trusted)
                    .ifPresent(fault -> wrong.add(record.key() + " " + fault));
        }
        return new Finding("manifests_are_signed_and_never_change", looked, wrong);
    }

    /** Every pointer of a channel is signed by a key that services trust for pointers. */
    Finding pointersSigned() throws IOException {
        List<String> wrong = new ArrayList<>();
        Map<String, PublicKey> trusted = ManifestSignature.trusted(evidence.trustedPointerKeys());
        long looked = 0;
        for (ConsumerRecord<String, byte[]> record : TopicLog.read(evidence.bootstrapServers(), "rlhf.channels.v1")) {
            looked++;
            ManifestSignature.fault(ManifestSignature.POINTER, record, trusted)
                    .ifPresent(fault -> wrong.add("pointer " + record.key() + " " + fault));
        }
        return new Finding("pointers_are_signed", looked, wrong);
    }

    /** Whatever is done to a trainer its round goes on; only what a round has learnt may make it fail. */
    Finding failures() throws IOException {
        List<String> wrong = new ArrayList<>();
        long ends = 0;
        for (ConsumerRecord<String, byte[]> record :
                TopicLog.read(evidence.bootstrapServers(), "rlhf.round-events.v1")) {
            JsonNode event = TopicLog.json(record);
            String type = event.path("type").asText();
            ends += ENDS.contains(type) ? 1 : 0;
            if (type.equals("Failed")
                    && !FAULTS_OF_LEARNING.contains(event.path("code").asText())) {
                wrong.add("round " + record.key() + " failed with "
                        + event.path("code").asText() + ": "
                        + event.path("message").asText());
            }
        }
        return new Finding("no_round_failed_of_a_fault", ends, wrong);
    }

    /** Each round has one end, and an adapter exactly when it succeeded. */
    Finding rounds(Connection database) throws SQLException, IOException {
        Map<String, List<String>> ends = new TreeMap<>();
        for (ConsumerRecord<String, byte[]> record :
                TopicLog.read(evidence.bootstrapServers(), "rlhf.round-events.v1")) {
            String type = TopicLog.json(record).path("type").asText();
            if (ENDS.contains(type)) {
                ends.computeIfAbsent(record.key(), round -> new ArrayList<>()).add(type);
            }
        }
        Map<String, Integer> adapters = new HashMap<>();
        for (ConsumerRecord<String, byte[]> record : TopicLog.read(evidence.bootstrapServers(), "rlhf.adapters.v1")) {
            adapters.merge(TopicLog.json(record).path("roundId").asText(), 1, Integer::sum);
        }
        List<String> wrong = new ArrayList<>();
        long looked = 0;
        try (Statement statement = database.createStatement();
                ResultSet rows = statement.executeQuery("select id, kind from round")) {
            while (rows.next()) {
                looked++;
                String round = rows.getString(2) + " " + rows.getString(1);
                List<String> ended = ends.getOrDefault(rows.getString(1), List.of());
                int published = adapters.getOrDefault(rows.getString(1), 0);
                boolean wanted = ended.equals(List.of("Succeeded")) && KINDS_WITH_ADAPTER.contains(rows.getString(2));
                if (ended.size() != 1) {
                    wrong.add(round + " has the ends " + ended);
                } else if (published != (wanted ? 1 : 0)) {
                    wrong.add(round + " ended as " + ended + " with " + published + " adapters");
                }
            }
        }
        return new Finding("rounds_end_once_with_their_adapter", looked, wrong);
    }

    /** Topic, database, every service and its last report name one version. */
    Finding channel(Connection database) throws SQLException, IOException {
        List<String> wrong = new ArrayList<>();
        JsonNode pointer = TopicLog.newest(evidence.bootstrapServers(), "rlhf.channels.v1")
                .get(evidence.project() + "/" + evidence.channel());
        if (pointer == null) {
            return new Finding("services_are_on_the_channels_version", 0, List.of("nothing was promoted"));
        }
        String version = pointer.path("version").asText();
        try (Statement statement = database.createStatement();
                ResultSet rows = statement.executeQuery("select version, sequence from channel_change"
                        + " where channel = '" + evidence.channel() + "' order by sequence desc limit 1")) {
            if (!rows.next()
                    || !version.equals(rows.getString(1))
                    || rows.getLong(2) != pointer.path("sequence").asLong()) {
                wrong.add("the newest pointer of the topic is not that of PostgreSQL");
            }
        }
        Map<String, JsonNode> loads = TopicLog.newest(evidence.bootstrapServers(), "rlhf.adapter-loads.v1");
        evidence.services().forEach((instance, address) -> {
            String running = version(address);
            if (!running.equals(version)) {
                wrong.add(instance + " answers with " + running + ", the channel says " + version);
            }
            JsonNode load = loads.get(instance);
            String reported =
                    load == null ? "nothing" : load.path("runningVersion").asText();
            if (!reported.equals(version)) {
                wrong.add(instance + " reported " + reported + ", the channel says " + version);
            }
        });
        return new Finding(
                "services_are_on_the_channels_version", evidence.services().size(), wrong);
    }

    private static String version(String address) {
        try (HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build()) {
            HttpRequest request =
                    HttpRequest.newBuilder(URI.create(address)).timeout(TIMEOUT).build();
            return JSON.readTree(client.send(request, HttpResponse.BodyHandlers.ofString())
                            .body())
                    .path("version")
                    .asText();
        } catch (IOException e) {
            return "nothing (" + e + ")";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "nothing (interrupted)";
        }
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
