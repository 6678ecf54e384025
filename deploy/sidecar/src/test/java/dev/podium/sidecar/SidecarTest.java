package dev.podium.sidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.adapterclient.HotSwap;
import dev.podium.adapterclient.ServedAdapter;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SidecarTest {
    private static final String ALIAS = "support";

    @TempDir
    Path folder;

    private FakeVllm vllm;
    private VllmAdapters adapters;
    private HotSwap<VllmAdapters.Loaded> swap;

    @BeforeEach
    void start() throws Exception {
        vllm = new FakeVllm();
        connect(Optional.empty(), Duration.ZERO);
    }

    @AfterEach
    void stop() {
        vllm.close();
    }

    private void connect(Optional<String> apiKey, Duration drain) {
        adapters = new VllmAdapters(
                new VllmServer(vllm.uri(), apiKey),
                VllmAdapters.prefix("p", "production"),
                folder,
                folder.toString(),
                drain);
        swap = new HotSwap<>(adapters::load);
    }

    @Test
    void eachVersionHasANameOfItsOwnAndTheOldOneIsUnloadedAfterTheDrain() throws Exception {
        swap.swap(Optional.of(served("v1", 8)));
        swap.swap(Optional.of(served("v2", 8)));
        assertEquals(List.of(name("v1"), name("v2")), vllm.loaded());

        adapters.keepInStep();

        assertEquals(List.of(name("v2")), vllm.loaded());
        swap.swap(Optional.empty());
        adapters.keepInStep();
        assertEquals(List.of(), vllm.loaded());
    }

    @Test
    void whatIsStillAnsweringIsNotUnloaded() throws Exception {
        swap.swap(Optional.of(served("v1", 8)));
        HotSwap.Lease<VllmAdapters.Loaded> request = swap.lease();
        swap.swap(Optional.of(served("v2", 8)));
        adapters.keepInStep();
        assertTrue(vllm.loaded().contains(name("v1")));

        request.close();
        adapters.keepInStep();

        assertEquals(List.of(name("v2")), vllm.loaded());
    }

    @Test
    void aRollBackBeforeTheDrainEndsNeedsNoLoad() throws Exception {
        connect(Optional.empty(), Duration.ofHours(1));
        swap.swap(Optional.of(served("v1", 8)));
        swap.swap(Optional.of(served("v2", 8)));
        swap.swap(Optional.of(served("v1", 8)));
        adapters.keepInStep();
        assertEquals(List.of(name("v1"), name("v2")), vllm.loaded());
    }

    @Test
    void oneThatIsLoadedAlreadyIsTheSame() throws Exception {
        for (boolean nested : List.of(false, true)) {
            vllm.nested = nested;
            vllm.loadByHand(name("v1"));
            swap.swap(Optional.of(served("v1", 8)));
        }
        try (HotSwap.Lease<VllmAdapters.Loaded> lease = swap.lease()) {
            assertEquals(name("v1"), lease.adapter().orElseThrow().name());
        }
    }

    @Test
    void whatTheServerCannotServeIsRefusedAndTheOldOneStays() throws Exception {
        swap.swap(Optional.of(served("v1", 8)));
        vllm.maxRank = 16;

        VllmServer.Refused refusal =
                assertThrows(VllmServer.Refused.class, () -> swap.swap(Optional.of(served("v2", 32))));

        assertTrue(refusal.getMessage().contains("max_lora_rank 16"), refusal.getMessage());
        try (HotSwap.Lease<VllmAdapters.Loaded> lease = swap.lease()) {
            assertEquals(Optional.of("v1"), lease.version());
        }
    }

    /** An IOException is what the adapter client tries again. */
    @Test
    void whatMayPassIsTriedAgainAndSaysTheRemedy() throws Exception {
        ServedAdapter adapter = served("v1", 8);
        Path config = adapter.folder().resolve("adapter_config.json");
        Path hidden = Files.move(config, folder.resolve("hidden"));
        assertLater(adapter, "vLLM does not see");
        Files.move(hidden, config);

        vllm.updating = false;
        assertLater(adapter, "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True");
        vllm.updating = true;

        vllm.apiKey = Optional.of("secret-of-the-server");
        assertLater(adapter, "PODIUM_SIDECAR_API_KEY");
        connect(Optional.of("secret-of-the-server"), Duration.ZERO);
        swap.swap(Optional.of(adapter));

        int port = vllm.port();
        vllm.close();
        assertLater(served("v2", 8), "does not answer");
        vllm = new FakeVllm(port);
        connect(Optional.empty(), Duration.ZERO);
        swap.swap(Optional.of(served("v2", 8)));
        assertEquals(List.of(name("v2")), vllm.loaded());
    }

    @Test
    void aFullServerIsRelievedOfWhatIsOnItsWayOutAndAskedAgain() throws Exception {
        connect(Optional.empty(), Duration.ofHours(1));
        vllm.maxLoras = 2;
        swap.swap(Optional.of(served("v1", 8)));
        swap.swap(Optional.of(served("v2", 8)));
        assertLater(served("v3", 8), "--max-loras");

        swap.swap(Optional.of(served("v3", 8)));

        assertEquals(List.of(name("v2"), name("v3")), vllm.loaded());
    }

    @Test
    void aServerThatStartsAgainGetsItsAdapterBackAndLeftoversGo() throws Exception {
        swap.swap(Optional.of(served("v1", 8)));
        int port = vllm.port();
        vllm.close();
        assertThrows(IOException.class, adapters::keepInStep);
        vllm = new FakeVllm(port);
        vllm.loadByHand("p.production.v0.of-a-sidecar-before");
        vllm.loadByHand("somebody-else");

        adapters.keepInStep();

        adapters.keepInStep();
        assertEquals(
                List.of("somebody-else", name("v1")),
                vllm.loaded().stream()
                        .sorted(java.util.Comparator.reverseOrder())
                        .toList());
    }

    @Test
    void theAliasIsAnsweredByWhatTheChannelPointsToAndAllElsePassesThrough() throws Exception {
        try (AliasProxy proxy = proxy()) {
            assertEquals(FakeVllm.BASE, ask(proxy, ALIAS));
            swap.swap(Optional.of(served("v1", 8)));
            assertEquals(name("v1"), ask(proxy, ALIAS));
            assertEquals(FakeVllm.BASE, ask(proxy, FakeVllm.BASE));
            HttpResponse<String> unknown = send(proxy, "/v1/chat/completions", "{\"model\":\"other\"}");
            assertEquals(404, unknown.statusCode());
            assertTrue(unknown.body().contains("does not exist"));
            assertTrue(get(proxy, "/podium/model").body().contains("\"version\":\"v1\""));
            assertTrue(get(proxy, "/v1/models").body().contains(name("v1")));

            // The server starts again and has lost it: the request finds that out and is answered all the same.
            int port = vllm.port();
            vllm.close();
            assertEquals(503, get(proxy, "/podium/ready").statusCode());
            vllm = new FakeVllm(port);
            assertEquals(name("v1"), ask(proxy, ALIAS));
        }
    }

    @Test
    void noRequestFailsWhileVersionsAreSwappedUnderLoad() throws Exception {
        List<Throwable> failures = new CopyOnWriteArrayList<>();
        AtomicBoolean swapping = new AtomicBoolean(true);
        AtomicLong answered = new AtomicLong();
        try (AliasProxy proxy = proxy()) {
            swap.swap(Optional.of(served("v0", 8)));
            List<Thread> clients = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                clients.add(Thread.ofPlatform().start(() -> {
                    while (swapping.get()) {
                        try {
                            ask(proxy, ALIAS);
                            answered.incrementAndGet();
                        } catch (Throwable e) {
                            failures.add(e);
                            return;
                        }
                    }
                }));
            }
            for (int i = 1; i <= 25 || (answered.get() < 100 && failures.isEmpty()); i++) {
                swap.swap(Optional.of(served("v" + i, 8)));
                adapters.keepInStep();
            }
            swapping.set(false);
            for (Thread client : clients) {
                client.join();
            }
        }
        assertEquals(List.of(), failures);
        assertEquals(List.of(), vllm.unknownModels);
        assertTrue(answered.get() >= 100, "answered: " + answered);
        adapters.keepInStep();
        assertEquals(1, vllm.loaded().size(), vllm.loaded().toString());
    }

    @Test
    void onlyWhatTheAdapterMayBeToBlameForCountsAgainstIt() throws Exception {
        List<String> counted = new CopyOnWriteArrayList<>();
        try (AliasProxy proxy = proxy()) {
            proxy.countAt(new AliasProxy.Counts() {
                @Override
                public void answered(Optional<String> version) {
                    counted.add("answered " + version.orElse("base"));
                }

                @Override
                public void failed(Optional<String> version) {
                    counted.add("failed " + version.orElse("base"));
                }
            });
            swap.swap(Optional.of(served("v1", 8)));
            ask(proxy, ALIAS);
            for (int status : List.of(400, 429, 500, 502, 503, 504)) {
                vllm.status = status;
                assertEquals(
                        status,
                        send(proxy, "/v1/chat/completions", "{\"model\":\"" + ALIAS + "\"}")
                                .statusCode());
            }
            vllm.close();
            assertEquals(
                    503,
                    send(proxy, "/v1/chat/completions", "{\"model\":\"" + ALIAS + "\"}")
                            .statusCode());
        }
        assertEquals(List.of("answered v1", "answered v1", "failed v1"), counted);
    }

    @Test
    void adaptersOnTheirWayOutStayWhenALoadFailsForAnotherReason() throws Exception {
        connect(Optional.empty(), Duration.ofHours(1));
        swap.swap(Optional.of(served("v1", 8)));
        swap.swap(Optional.of(served("v2", 8)));
        ServedAdapter unseen = served("v3", 8);
        Files.delete(unseen.folder().resolve("adapter_config.json"));

        assertLater(unseen, "vLLM does not see");

        assertEquals(List.of(name("v1"), name("v2")), vllm.loaded());
    }

    @Test
    void nobodyLoadsOrUnloadsPastTheChannel() throws Exception {
        try (AliasProxy proxy = proxy()) {
            swap.swap(Optional.of(served("v1", 8)));
            for (String call : List.of("load", "unload")) {
                HttpResponse<String> answer =
                        send(proxy, "/v1/" + call + "_lora_adapter", "{\"lora_name\":\"" + name("v1") + "\"}");
                assertEquals(403, answer.statusCode());
            }
            assertEquals(name("v1"), ask(proxy, ALIAS));
        }
    }

    @Test
    void whatRunsIsAnsweredToItsEndWhenTheSidecarStops() throws Exception {
        CountDownLatch rest = new CountDownLatch(1);
        vllm.midAnswer = Optional.of(rest);
        AliasProxy proxy = proxy();
        swap.swap(Optional.of(served("v1", 8)));
        FutureTask<String> streaming = new FutureTask<>(() -> ask(proxy, ALIAS));
        Thread.ofVirtual().start(streaming);
        while (vllm.answering.get() == 0) {
            Thread.onSpinWait();
        }
        Thread closing = Thread.ofVirtual().start(proxy::close);
        while (closing.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        assertEquals(503, send(proxy, "/v1/chat/completions", "{}").statusCode());

        rest.countDown();

        assertEquals(name("v1"), streaming.get());
        closing.join();
    }

    @Test
    void aConfigurationWithoutAProjectSaysSo() {
        IllegalArgumentException missing =
                assertThrows(IllegalArgumentException.class, () -> SidecarConfig.of(Map.of()));
        assertTrue(missing.getMessage().contains("PODIUM_SIDECAR_PROJECT"));
        SidecarConfig config = SidecarConfig.of(
                Map.of("PODIUM_SIDECAR_PROJECT", "support", "PODIUM_SIDECAR_BASE_MODEL", "podium-nano"));
        assertEquals("support-production", config.alias());
    }

    private void assertLater(ServedAdapter adapter, String why) {
        IOException later = assertThrows(IOException.class, () -> swap.swap(Optional.of(adapter)));
        assertTrue(later.getMessage().contains(why), later.getMessage());
    }

    private AliasProxy proxy() throws IOException {
        return new AliasProxy(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new VllmServer(vllm.uri(), Optional.empty()),
                adapters,
                swap,
                ALIAS,
                Duration.ofSeconds(30));
    }

    /** Who answered; every token must be of the same. */
    private static String ask(AliasProxy proxy, String model) throws Exception {
        HttpResponse<String> answer =
                send(proxy, "/v1/chat/completions", "{\"model\":\"" + model + "\",\"stream\":true}");
        assertEquals(200, answer.statusCode(), answer.body());
        List<String> tokens =
                answer.body().lines().filter(line -> !line.isBlank()).distinct().toList();
        assertEquals(1, tokens.size(), answer.body());
        return tokens.getFirst().replaceAll(".*\"model\":\"([^\"]*)\".*", "$1");
    }

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private static HttpResponse<String> send(AliasProxy proxy, String path, String body) throws Exception {
        return CLIENT.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + proxy.port() + path))
                        .timeout(Duration.ofSeconds(30))
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static HttpResponse<String> get(AliasProxy proxy, String path) throws Exception {
        return CLIENT.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + proxy.port() + path))
                        .timeout(Duration.ofSeconds(30))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static String name(String version) {
        return "p.production." + version + "." + "a".repeat(12);
    }

    private ServedAdapter served(String version, int rank) throws IOException {
        Path peft = Files.createDirectories(
                folder.resolve("adapters").resolve(version + "-" + rank).resolve("peft"));
        Files.writeString(peft.resolve("adapter_config.json"), "{\"r\":" + rank + "}");
        return new ServedAdapter(
                new AdapterManifest(
                        "p",
                        version,
                        AdapterManifest.Kind.POLICY,
                        "r",
                        RoundKind.DPO,
                        new AdapterManifest.BaseModel("b", "s"),
                        RoundConfig.Dpo.DEFAULT,
                        Optional.of(RoundConfig.Lora.DEFAULT),
                        List.of(new AdapterManifest.ArtifactFile("adapter_model.safetensors", "a".repeat(64), 1, 1)),
                        Optional.empty(),
                        0,
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty(),
                        Map.of(),
                        Instant.EPOCH),
                peft);
    }
}
