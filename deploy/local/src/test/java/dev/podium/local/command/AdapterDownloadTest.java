package dev.podium.local.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.local.client.Api;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole model from a server that speaks feedback-api's two addresses. */
class AdapterDownloadTest {
    private static final String ADAPTER = "/api/v1/projects/support/adapters/v2";

    @TempDir
    private Path folder;

    private final Map<String, byte[]> files = new TreeMap<>(Map.of(
            "config.json", "{\"model_type\":\"llama\"}".getBytes(UTF_8),
            "tokenizer.json", "{}".getBytes(UTF_8),
            "tokenizer_config.json", "{}".getBytes(UTF_8),
            "model.safetensors", weights()));

    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        byte[] manifest = EventJson.write(manifest());
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath();
            byte[] content = path.equals(ADAPTER) ? manifest : files.get(path.replace(ADAPTER + "/files/", ""));
            exchange.sendResponseHeaders(content == null ? 404 : 200, content == null ? -1 : content.length);
            if (content != null) {
                exchange.getResponseBody().write(content);
            }
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void aModelGoesToTheModelsFolderUnderItsNameAsABase() throws Exception {
        Path fetched = fetch();

        assertEquals(folder.resolve("models/support.v2"), fetched);
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            assertArrayEquals(file.getValue(), Files.readAllBytes(fetched.resolve(file.getKey())));
        }
        String again = assertThrows(IOException.class, this::fetch).getMessage();
        assertTrue(again.contains("is there already"), again);
    }

    @Test
    void whatArrivesOtherThanTheManifestSaysLeavesNothingBehind() throws Exception {
        files.put("tokenizer.json", "{\"changed\":1}".getBytes(UTF_8));

        String refused = assertThrows(IOException.class, this::fetch).getMessage();

        assertTrue(refused.contains("tokenizer.json arrived with another sha256"), refused);
        assertFalse(Files.exists(folder.resolve("models/support.v2")));
        try (var left = Files.list(folder.resolve("models"))) {
            assertEquals(0, left.count());
        }
    }

    private Path fetch() throws Exception {
        try (Api api = new Api("http://127.0.0.1:" + server.getAddress().getPort(), "operator", "secret")) {
            return AdapterDownload.fetch(api, "support", "v2", Optional.empty(), folder.resolve("models"));
        }
    }

    private AdapterManifest manifest() throws IOException {
        List<AdapterManifest.ArtifactFile> described = new ArrayList<>();
        Path published = Files.createDirectories(folder.resolve("published"));
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            described.add(ArtifactFiles.describe(Files.write(published.resolve(file.getKey()), file.getValue())));
        }
        return new AdapterManifest(
                "support",
                "v2",
                AdapterManifest.Kind.MODEL,
                "a-round",
                RoundKind.SFT,
                new AdapterManifest.BaseModel("podium-nano", "0".repeat(64)),
                RoundConfig.defaults(RoundKind.SFT),
                Optional.empty(),
                described,
                Optional.empty(),
                1,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                Instant.EPOCH);
    }

    private static byte[] weights() {
        byte[] header = ("{\"model.embed_tokens.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}")
                .getBytes(UTF_8);
        return ByteBuffer.allocate(8 + header.length + 8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .putFloat(0.5f)
                .putFloat(-0.5f)
                .array();
    }
}
