package dev.podium.training.track;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.training.round.Guard;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrackersTest {
    private static final RoundCommand.StartRound COMMAND = command("support", "r-1");

    private static RoundCommand.StartRound command(String project, String round) {
        return new RoundCommand.StartRound(
                round,
                project,
                RoundKind.DPO,
                "v4",
                "podium-nano",
                RoundConfig.Dpo.DEFAULT,
                List.of(),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                List.of(),
                "ada",
                Instant.EPOCH);
    }

    @Test
    void anEventFileIsTheOneThatTensorBoardsOwnWriterMakes(@TempDir Path folder) throws IOException {
        Clock clock = Clock.fixed(Instant.ofEpochSecond(1_700_000_000L), ZoneOffset.UTC);
        TensorBoardTracker tracker = new TensorBoardTracker(folder, clock);
        tracker.started(COMMAND, 0, 10, Map.of());
        tracker.progress(COMMAND, 300, Map.of("rewards/margins", 0.25));
        Path file = folder.resolve("support/v4-DPO-r-1/events.out.tfevents.0.r-1");

        // See src/test/python/make_tensorboard.py.
        String golden = Files.readString(Path.of("src/test/resources/golden/tensorboard.hex"))
                .strip();
        assertEquals(golden, HexFormat.of().formatHex(Files.readAllBytes(file)));
        // A round that goes on goes on in its file.
        tracker.started(COMMAND, 4, 10, Map.of());
        assertEquals(golden.length() / 2, Files.size(file));
    }

    @Test
    void everyGuardIsACounterFromTheStart() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        Trackers trackers = new Trackers(List.of(new MeterTracker(registry)));

        trackers.guarded(COMMAND, Guard.SPIKE);
        trackers.guarded(COMMAND, Guard.SPIKE);

        for (Guard guard : Guard.values()) {
            double expected = guard == Guard.SPIKE ? 2 : 0;
            assertEquals(
                    expected,
                    registry.get("podium.guard.actions")
                            .tag("guard", guard.label())
                            .counter()
                            .count());
        }
    }

    @Test
    void namesCannotLeaveTheFolder(@TempDir Path folder) throws IOException {
        RoundCommand.StartRound hostile = command("..", "../../r");
        new TensorBoardTracker(folder.resolve("logs")).started(hostile, 0, 1, Map.of());
        try (var all = Files.walk(folder)) {
            assertTrue(all.filter(Files::isRegularFile).allMatch(file -> file.startsWith(folder.resolve("logs"))));
        }
    }

    @Test
    void mlflowGetsARunWithParametersMetricsAndItsEnd() throws Exception {
        List<String> requests = Collections.synchronizedList(new ArrayList<>());
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath().replace("/api/2.0/mlflow/", "");
            requests.add(path + " " + new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            String answer =
                    switch (path) {
                        case "experiments/create" -> "{\"experiment_id\":\"7\"}";
                        case "runs/create" -> "{\"run\":{\"info\":{\"run_id\":\"abc\"}}}";
                        default -> "{}";
                    };
            byte[] body = answer.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(path.equals("experiments/get-by-name") ? 404 : 200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        try (MlflowTracker tracker = new MlflowTracker(
                URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/"), Optional.empty())) {
            tracker.started(COMMAND, 0, 10, Map.of("tasks", 4.0));
            tracker.progress(COMMAND, 3, Map.of("loss", 0.5, "rewards/margins", 0.25));
            tracker.ended(COMMAND, "SUCCEEDED", Map.of("heldout_accuracy", 0.75));
        } finally {
            server.stop(0);
        }
        assertEquals("experiments/get-by-name ", requests.get(0));
        assertEquals("experiments/create {\"name\":\"podium/support\"}", requests.get(1));
        assertTrue(requests.get(2).startsWith("runs/search ") && requests.get(2).contains("podium.round"));
        assertTrue(requests.get(3).contains("\"run_name\":\"v4 DPO\""), requests.get(3));
        assertTrue(requests.get(4).contains("{\"key\":\"training.learningRate\",\"value\":\"5.0E-6\"}"));
        assertTrue(requests.get(6).contains("\"key\":\"rewards/margins\",\"value\":0.25"), requests.get(6));
        assertTrue(requests.get(6).contains("\"step\":3"));
        assertTrue(requests.get(7).contains("result/heldout_accuracy"), requests.get(7));
        assertTrue(requests.get(8).startsWith("runs/update ") && requests.get(8).contains("FINISHED"));
    }

    @Test
    void theEndOfARoundReachesMlflowThoughItWasAwayForAWhile() throws Exception {
        AtomicInteger requests = new AtomicInteger();
        CountDownLatch ended = new CountDownLatch(1);
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String said = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            byte[] body = "{\"run\":{\"info\":{\"run_id\":\"abc\"}},\"experiment\":{\"experiment_id\":\"7\"}}"
                    .getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(requests.incrementAndGet() <= 3 ? 503 : 200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
            if (said.contains("FINISHED")) {
                ended.countDown();
            }
        });
        server.start();
        try (MlflowTracker tracker = new MlflowTracker(
                URI.create("http://127.0.0.1:" + server.getAddress().getPort()), Optional.empty())) {
            tracker.ended(COMMAND, "SUCCEEDED", Map.of("heldout_accuracy", 0.75));
            assertTrue(ended.await(1, TimeUnit.MINUTES), "the run stays RUNNING");
        } finally {
            server.stop(0);
        }
    }

    @Test
    void theEndOfARoundGoesBeforeItsStepsWhereMlflowIsStuck() throws Exception {
        CountDownLatch stuck = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        try (Mlflow server = new Mlflow((path, said) -> {
                    stuck.countDown();
                    await(goOn);
                    if (said.contains("FINISHED")) {
                        ended.countDown();
                    }
                    return 200;
                });
                MlflowTracker tracker = new MlflowTracker(server.address(), Optional.empty())) {
            tracker.started(COMMAND, 0, 10_000, Map.of());
            await(stuck);
            // More than are kept.
            for (int step = 1; step <= 2_500; step++) {
                tracker.progress(COMMAND, step, Map.of("loss", 0.5));
            }

            tracker.ended(COMMAND, "SUCCEEDED", Map.of("heldout_accuracy", 0.75));
            goOn.countDown();

            await(ended);
        }
    }

    @Test
    void parametersReachTheRunThoughTheyFailedWhenItWasMade() throws Exception {
        CountDownLatch described = new CountDownLatch(1);
        AtomicInteger made = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        try (Mlflow server = new Mlflow((path, said) -> {
                    if (path.equals("runs/create")) {
                        made.incrementAndGet();
                    }
                    if (said.contains("training.learningRate")) {
                        if (failed.getAndIncrement() == 0) {
                            return 503;
                        }
                        described.countDown();
                    }
                    return 200;
                });
                MlflowTracker tracker = new MlflowTracker(server.address(), Optional.empty())) {
            tracker.started(COMMAND, 0, 10, Map.of("tasks", 4.0));

            await(described);
            assertEquals(1, made.get());
        }
    }

    @Test
    void whatMlflowRefusesForGoodHoldsUpNothing() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        AtomicInteger refused = new AtomicInteger();
        try (Mlflow server = new Mlflow((path, said) -> {
                    if (said.contains("podium/secret")) {
                        refused.incrementAndGet();
                        return 403;
                    }
                    if (said.contains("FINISHED")) {
                        ended.countDown();
                    }
                    return 200;
                });
                MlflowTracker tracker = new MlflowTracker(server.address(), Optional.empty())) {
            tracker.started(command("secret", "r-0"), 0, 10, Map.of());

            tracker.ended(COMMAND, "SUCCEEDED", Map.of());

            await(ended);
            assertEquals(1, refused.get());
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(1, TimeUnit.MINUTES));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Answers as MLflow does; there is no experiment before it is made, and one run once it is made. */
    private static final class Mlflow implements AutoCloseable {
        private final HttpServer server;
        private boolean made;

        /** @param status the answer to a path and a body */
        Mlflow(BiFunction<String, String, Integer> status) throws IOException {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.createContext("/", exchange -> {
                String path = exchange.getRequestURI().getPath().replace("/api/2.0/mlflow/", "");
                String said = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                int answered = path.equals("experiments/get-by-name") ? 404 : status.apply(path, said);
                made |= path.equals("runs/create") && answered == 200;
                String run = "{\"info\":{\"run_id\":\"abc\"}}";
                String answer =
                        switch (path) {
                            case "experiments/create" -> "{\"experiment_id\":\"7\"}";
                            case "runs/create" -> "{\"run\":" + run + "}";
                            case "runs/search" -> made ? "{\"runs\":[" + run + "]}" : "{}";
                            default -> "{}";
                        };
                byte[] body = answer.getBytes(StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(answered, body.length);
                exchange.getResponseBody().write(body);
                exchange.close();
            });
            server.start();
        }

        URI address() {
            return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }

    @Test
    void aTrackerThatFailsOrIsAwayHarmsNothing() {
        List<String> told = new ArrayList<>();
        RoundTracker good = new RoundTracker() {
            @Override
            public void started(
                    RoundCommand.StartRound command, int resumedFromStep, int totalSteps, Map<String, Double> info) {
                told.add("started");
            }

            @Override
            public void progress(RoundCommand.StartRound command, int step, Map<String, Double> metrics) {
                told.add("progress");
            }

            @Override
            public void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics) {
                told.add(outcome);
            }
        };
        RoundTracker away = new MlflowTracker(URI.create("http://127.0.0.1:9"), Optional.empty());
        RoundTracker broken = new TensorBoardTracker(Path.of("/proc/nowhere"));
        try (Trackers all = new Trackers(List.of(broken, away, good))) {
            assertDoesNotThrow(() -> {
                all.started(COMMAND, 0, 1, Map.of());
                all.progress(COMMAND, 1, Map.of("loss", 1.0));
                all.ended(COMMAND, "FAILED", Map.of());
            });
        }
        assertEquals(List.of("started", "progress", "FAILED"), told);
    }

    @Test
    void theRoundAtWorkIsOnTheGaugesAndLeavesThem() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        MeterTracker tracker = new MeterTracker(registry);
        tracker.progress(COMMAND, 1, Map.of("loss", 0.5));
        tracker.progress(COMMAND, 2, Map.of("loss", 0.25));
        assertEquals(
                0.25,
                registry.get("podium.round.metric")
                        .tag("metric", "loss")
                        .gauge()
                        .value());
        tracker.ended(COMMAND, "SUCCEEDED", Map.of());
        assertTrue(Double.isNaN(registry.get("podium.round.metric")
                .tag("metric", "loss")
                .gauge()
                .value()));
    }

    @Test
    void anAddressThatIsNoneIsNamed() {
        IllegalArgumentException refusal = assertThrows(
                IllegalArgumentException.class,
                () -> Trackers.configured(
                        name -> name.endsWith("url") ? Optional.of("localhost:5000") : Optional.empty()));
        assertTrue(refusal.getMessage().contains("podium.tracking.mlflow.url"), refusal.getMessage());
    }
}
