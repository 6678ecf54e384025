package dev.podium.local.bench.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.adapterclient.AdapterClient;
import dev.podium.adapterclient.AdapterClientConfig;
import dev.podium.adapterclient.AdapterSwap;
import dev.podium.adapterclient.Expectation;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.embedded.EmbeddedKafka;
import dev.podium.training.publish.AdapterPublisher;
import dev.podium.training.round.RoundFailure;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** From the moment a trainer begins to publish an adapter until the last of ten services answers with it. */
final class AdapterSwapTime {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int CLIENTS = 10;
    private static final int VERSIONS = 5;
    private static final int RANK = 64;
    private static final int HIDDEN = 1024;
    private static final long PATIENCE_SECONDS = 120;
    private static final String PROJECT = "swap";
    private static final String CHANNEL = "production";
    private static final String BASE = "bench-base";
    private static final String BASE_SHA256 = "b".repeat(64);
    private static final RoundConfig.Lora LORA = new RoundConfig.Lora(RANK, 2 * RANK, 0, Set.of("q_proj", "v_proj"));

    private final Path folder;
    private final Consumer<String> progress;
    private final Map<String, CountDownLatch> swapped = new ConcurrentHashMap<>();

    AdapterSwapTime(Path folder, Consumer<String> progress) {
        this.folder = folder;
        this.progress = progress;
    }

    void measure(int megabytes, StreamsBench.Figures figures)
            throws IOException, ExecutionException, InterruptedException, RoundFailure {
        List<Double> millis = new ArrayList<>();
        long bytes = 0;
        try (EmbeddedKafka broker = EmbeddedKafka.start(folder.resolve("kafka"), 0);
                Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
            Topics.createMissing(admin, 3, (short) 1);
            List<AdapterClient> clients = clients(broker.bootstrapServers());
            try {
                for (int version = 1; version <= VERSIONS; version++) {
                    Path adapter = write(folder.resolve("v" + version), megabytes, version);
                    bytes = Files.size(adapter.resolve("adapter_model.safetensors"));
                    millis.add(publish(broker.bootstrapServers(), adapter, version));
                    progress.accept(megabytes + " MB, version " + version + ": " + Math.round(millis.getLast())
                            + " ms until all have swapped");
                }
            } finally {
                clients.forEach(AdapterClient::close);
            }
        }
        // The first one pays for connections and compilation.
        List<Double> measured = millis.subList(1, millis.size());
        ObjectNode more = JSON.createObjectNode()
                .put("megabytes", megabytes)
                .put("bytes", bytes)
                .put("clients", CLIENTS)
                .put("slowest_ms", StreamsBench.rounded(StreamsBench.quantile(measured, 1)));
        more.put("runs", measured.size());
        figures.print("adapter_swap_all_ms", StreamsBench.quantile(measured, 0.5), "ms", more);
    }

    private List<AdapterClient> clients(String servers) throws IOException {
        List<AdapterClient> clients = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            AdapterSwap swap = adapter -> adapter.ifPresent(
                    served -> swapped.computeIfAbsent(served.version(), v -> new CountDownLatch(CLIENTS))
                            .countDown());
            clients.add(AdapterClient.start(
                    new AdapterClientConfig(
                            servers,
                            "service-" + i,
                            PROJECT,
                            CHANNEL,
                            folder.resolve("cache-" + i),
                            Expectation.of(BASE, BASE_SHA256)),
                    swap));
        }
        return clients;
    }

    private double publish(String servers, Path adapter, int number)
            throws IOException, RoundFailure, InterruptedException, ExecutionException {
        String version = "v" + number;
        AdapterManifest draft = new AdapterManifest(
                PROJECT,
                version,
                AdapterManifest.Kind.POLICY,
                "round-" + number,
                RoundKind.DPO,
                new AdapterManifest.BaseModel(BASE, BASE_SHA256),
                RoundConfig.Dpo.DEFAULT,
                Optional.of(LORA),
                AdapterPublisher.describe(adapter, AdapterManifest.Kind.POLICY, BASE, Optional.of(LORA)),
                Optional.empty(),
                1,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                Instant.now());
        CountDownLatch all = swapped.computeIfAbsent(version, v -> new CountDownLatch(CLIENTS));
        long startNanos = System.nanoTime();
        new AdapterPublisher(Map.of("bootstrap.servers", servers), "/bench")
                .publish(
                        new AdapterPublisher.Publication(draft, adapter, Optional.empty()), succeeded(number, version));
        point(servers, version, number);
        if (!all.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new IOException("after " + PATIENCE_SECONDS + " s " + all.getCount() + " clients have not swapped");
        }
        return (System.nanoTime() - startNanos) / 1e6;
    }

    private static RoundEvent.Succeeded succeeded(int number, String version) {
        return new RoundEvent.Succeeded("round-" + number, PROJECT, Optional.of(version), Map.of(), Instant.now());
    }

    private static void point(String servers, String version, int sequence)
            throws ExecutionException, InterruptedException {
        ChannelPointer pointer = new ChannelPointer(
                PROJECT, CHANNEL, Optional.of(version), sequence, "bench", Optional.empty(), Instant.now());
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", servers), new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(
                            Topics.CHANNELS,
                            ChannelPointer.key(PROJECT, CHANNEL).getBytes(UTF_8),
                            EventJson.write(pointer)))
                    .get();
        }
    }

    // ---- an adapter of a size

    private static Path write(Path folder, int megabytes, int seed) throws IOException {
        Files.createDirectories(folder);
        Map<String, Object> config = new TreeMap<>();
        config.put("peft_type", "LORA");
        config.put("task_type", "CAUSAL_LM");
        config.put("base_model_name_or_path", BASE);
        config.put("bias", "none");
        config.put("r", RANK);
        config.put("lora_alpha", 2 * RANK);
        config.put("target_modules", List.of("q_proj", "v_proj"));
        config.put("rank_pattern", Map.of());
        config.put("alpha_pattern", Map.of());
        Files.write(folder.resolve("adapter_config.json"), EventJson.write(config));
        // A layer has A and B of two targets: four tensors of 64 times 1024 floats, a MiB.
        Map<String, Object> header = new LinkedHashMap<>();
        int tensorBytes = 4 * RANK * HIDDEN;
        long at = 0;
        for (int layer = 0; layer < megabytes; layer++) {
            for (String target : List.of("q_proj", "v_proj")) {
                String name = "base_model.model.model.layers." + layer + ".self_attn." + target;
                for (String side : List.of("A", "B")) {
                    header.put(
                            name + ".lora_" + side + ".weight",
                            Map.of(
                                    "dtype",
                                    "F32",
                                    "shape",
                                    side.equals("A") ? List.of(RANK, HIDDEN) : List.of(HIDDEN, RANK),
                                    "data_offsets",
                                    List.of(at, at + tensorBytes)));
                    at += tensorBytes;
                }
            }
        }
        byte[] json = EventJson.write(header);
        Random random = new Random(seed);
        try (var channel = Files.newByteChannel(
                        folder.resolve("adapter_model.safetensors"),
                        java.nio.file.StandardOpenOption.CREATE,
                        java.nio.file.StandardOpenOption.WRITE);
                OutputStream out = Channels.newOutputStream(channel)) {
            out.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(json.length)
                    .array());
            out.write(json);
            for (long written = 0; written < at; written += tensorBytes) {
                ByteBuffer tensor = ByteBuffer.allocate(tensorBytes).order(ByteOrder.LITTLE_ENDIAN);
                while (tensor.hasRemaining()) {
                    tensor.putFloat(random.nextFloat());
                }
                out.write(tensor.array());
            }
        }
        return folder;
    }
}
