package dev.podium.sidecar;

import dev.podium.adapterclient.AdapterClient;
import dev.podium.adapterclient.AdapterClientConfig;
import dev.podium.adapterclient.Expectation;
import dev.podium.adapterclient.HotSwap;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.BaseShape;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.objectstore.S3ArtifactStore;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The program: follows a channel, and has the server load, serve and forget what it points to.
 *
 * <pre>
 *   rlhf.channels.v1 -> AdapterClient -> verified folder -> POST /v1/load_lora_adapter -> alias -> old one drained, unloaded
 * </pre>
 */
public final class Sidecar implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Sidecar.class);
    private static final Duration STEP = Duration.ofSeconds(3);
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(2);

    private final VllmServer server;
    private final VllmAdapters adapters;
    private final HotSwap<VllmAdapters.Loaded> swap;
    private final Optional<ArtifactStore> store;
    private final CountDownLatch stop = new CountDownLatch(1);
    private final CountDownLatch stopped = new CountDownLatch(1);
    private @Nullable AliasProxy proxy;
    private @Nullable AdapterClient client;

    private Sidecar(SidecarConfig config) {
        this.server = new VllmServer(config.vllm(), config.apiKey());
        this.adapters = new VllmAdapters(
                server,
                VllmAdapters.prefix(config.project(), config.channel()),
                config.folder(),
                config.servedFolder(),
                config.drain());
        this.swap = new HotSwap<>(adapters::load);
        this.store = S3ArtifactStore.configured(config.settings());
    }

    /** Runs until the process ends. */
    public static void main(String[] arguments) throws Exception {
        try {
            run(SidecarConfig.of(System.getenv()));
        } catch (IllegalArgumentException e) {
            LOG.error("not started: {}", e.getMessage());
            System.exit(2);
        }
    }

    /** Runs until the process ends, or this thread is interrupted. */
    public static void run(SidecarConfig config) throws IOException, InterruptedException {
        Sidecar sidecar = new Sidecar(config);
        Duration patience = config.drain().plus(STEP);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> sidecar.stopWithin(patience), "stop-sidecar"));
        try (sidecar) {
            sidecar.awaitServer();
            sidecar.start(config);
            sidecar.keepInStep();
        } finally {
            sidecar.stopped.countDown();
        }
    }

    /** The process may end only when requests have been answered. */
    private void stopWithin(Duration patience) {
        stop.countDown();
        try {
            if (!stopped.await(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warn("not stopped within {} s", patience.toSeconds());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void awaitServer() throws InterruptedException {
        boolean said = false;
        while (stop.getCount() > 0) {
            try {
                server.models();
                return;
            } catch (IOException e) {
                if (!said) {
                    LOG.warn("waiting for the model server: {}", e.getMessage());
                    said = true;
                }
            }
            pause();
        }
    }

    private void start(SidecarConfig config) throws IOException {
        Expectation expectation =
                new Expectation(config.baseModel(), config.baseSha256(), config.maxRank(), 2L << 30, Optional.empty());
        if (config.baseConfig().isPresent()) {
            expectation = expectation.shaped(BaseShape.read(config.baseConfig().get()));
        }
        AliasProxy way = config.listen() == 0
                ? null
                : new AliasProxy(
                        new InetSocketAddress(config.listenHost(), config.listen()),
                        server,
                        adapters,
                        swap,
                        config.alias(),
                        config.drain());
        proxy = way;
        AdapterClient started = AdapterClient.start(
                new AdapterClientConfig(
                                config.kafka(),
                                config.instanceId(),
                                config.project(),
                                config.channel(),
                                config.folder(),
                                expectation,
                                RETRY_PAUSE)
                        .trusting(ManifestTrust.configured(config.settings().apply(ManifestTrust.SETTING)))
                        .following(ManifestTrust.configured(config.settings().apply(ManifestTrust.POINTERS_SETTING)))
                        .fetchingFrom(store),
                swap);
        client = started;
        if (way != null) {
            way.countAt(counting(started));
        }
        LOG.info(
                "{} follows {}/{}{}",
                config.vllm(),
                config.project(),
                config.channel(),
                way == null
                        ? ""
                        : "; model " + config.alias() + " on http://" + config.listenHost() + ":" + way.port());
    }

    private static AliasProxy.Counts counting(AdapterClient client) {
        return new AliasProxy.Counts() {
            @Override
            public void answered(Optional<String> version) {
                client.answered(version);
            }

            @Override
            public void failed(Optional<String> version) {
                client.failed(version);
            }
        };
    }

    private void keepInStep() throws InterruptedException {
        boolean away = false;
        while (stop.getCount() > 0) {
            try {
                adapters.keepInStep();
                away = false;
            } catch (IOException e) {
                if (!away) {
                    LOG.warn("the model server is not in step: {}", e.getMessage());
                    away = true;
                }
            }
            pause();
        }
    }

    private void pause() throws InterruptedException {
        if (stop.await(STEP.toMillis(), TimeUnit.MILLISECONDS)) {
            LOG.debug("stopping");
        }
    }

    /** The server keeps what it serves: requests go on, and the next sidecar finds it. */
    @Override
    public void close() {
        AliasProxy way = proxy;
        if (way != null) {
            way.close();
        }
        // After the last request has been counted.
        AdapterClient following = client;
        if (following != null) {
            following.close();
        }
        store.ifPresent(ArtifactStore::close);
    }
}
