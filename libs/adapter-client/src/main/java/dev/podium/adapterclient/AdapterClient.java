package dev.podium.adapterclient;

import dev.podium.contracts.AdapterLoad;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.TraceParent;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.adapter.Manifests;
import dev.podium.contracts.adapter.SignedManifest;
import dev.podium.contracts.log.BoundedReader;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows one channel of the model topic on a thread of its own.
 *
 * <pre>
 *   start -> from the cache, when something is in it  --.
 *                                                       v
 *   pointer arrives -> older than what is known? ignored
 *                   -> manifest, files, verified, swapped -> LOADED reported
 *                   -> something is wrong                 -> REFUSED reported, the current adapter stays
 *                   -> a store or a disk fails            -> REFUSED reported as being tried again, with growing pauses
 *   Kafka is away   -> what runs goes on; tried again
 * </pre>
 */
public final class AdapterClient implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AdapterClient.class);
    private static final Duration POLL = Duration.ofMillis(250);
    private static final long CLOSE_MILLIS = 15_000;
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

    private final AdapterClientConfig config;
    private final AdapterSwap swap;
    private final AdapterCache cache;
    private final Clock clock;
    private final Thread thread;
    private final CountDownLatch stop = new CountDownLatch(1);
    private final CountDownLatch caughtUp = new CountDownLatch(1);

    private volatile State state;
    private final TrafficCount traffic = new TrafficCount();
    // Of the client's thread alone:
    private @Nullable AdapterLoad unreported;
    private @Nullable AdapterLoad reported;
    private long reportedNanos;
    private boolean inDoubt;
    private Optional<AdapterSwap.Trial> trial = Optional.empty();
    private @Nullable Attempt attempt;

    /**
     * @param seen sequence of the newest pointer dealt with, loaded or refused
     * @param running what answers requests; empty: the base model
     */
    private record State(String clusterId, long seen, long loaded, Optional<ServedAdapter> running) {}

    /**
     * A pointer that waits for a store or a disk.
     *
     * @param arrivedNanos when the pointer did
     * @param nextNanos when it is tried again
     */
    private record Attempt(ChannelPointer pointer, long arrivedNanos, long nextNanos, Duration pause) {}

    private AdapterClient(AdapterClientConfig config, AdapterSwap swap, Clock clock) throws IOException {
        this.config = config;
        this.swap = swap;
        this.clock = clock;
        this.cache = new AdapterCache(config.cacheDir(), config.expectation(), config.trust());
        this.state = new State("", 0, 0, Optional.empty());
        this.thread = Thread.ofPlatform()
                .daemon()
                .name("adapter-client-" + config.projectId() + "-" + config.channel())
                .unstarted(this::follow);
    }

    /**
     * Starts. What the cache holds is swapped in before this returns, so that a service can answer where Kafka is away.
     *
     * @throws IOException when the cache folder cannot be used
     */
    public static AdapterClient start(AdapterClientConfig config, AdapterSwap swap) throws IOException {
        AdapterClient client = new AdapterClient(config, swap, Clock.systemUTC());
        client.startFromCache();
        client.thread.start();
        return client;
    }

    /** The version that answers requests; empty: the base model. */
    public Optional<String> runningVersion() {
        return state.running().map(ServedAdapter::version);
    }

    /** Sequence of the pointer that {@link #runningVersion()} follows; 0 before the first. */
    public long sequence() {
        return state.loaded();
    }

    /**
     * Counts a request that was answered. Optional: with it, errors of a version show at the channel, and a rule that the
     * operator has set can roll it back.
     *
     * @param version what answered, as {@link HotSwap.Lease#version()} gives it; empty: the base model
     */
    public void answered(Optional<String> version) {
        traffic.request(version, false);
    }

    /** Counts a request that the adapter is to blame for having failed. */
    public void failed(Optional<String> version) {
        traffic.request(version, true);
    }

    /** Waits until all pointers that were there at the start have been dealt with. */
    public boolean awaitCaughtUp(Duration timeout) throws InterruptedException {
        return caughtUp.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Stops following, and takes back its report; what is swapped in stays. */
    @Override
    public void close() {
        stop.countDown();
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void startFromCache() {
        Optional<AdapterCache.Current> cached = cache.current();
        if (cached.isEmpty()) {
            return;
        }
        AdapterCache.Current current = cached.get();
        try {
            if (current.adapter().isPresent()) {
                swap.swap(current.adapter());
            }
            // The pointer that led to it is dealt with once more when it is met again: it may name a canary, which the
            // cache does not keep, and this process has reported nothing yet.
            state = new State(current.clusterId(), current.sequence() - 1, current.sequence(), current.adapter());
            traffic.begin(runningVersion(), Optional.empty());
            String version = current.adapter().map(ServedAdapter::version).orElse("the base model");
            LOG.info("{}/{}: {} from the cache answers", config.projectId(), config.channel(), version);
        } catch (Exception e) {
            LOG.warn("{}/{}: the cached adapter was not taken: {}", config.projectId(), config.channel(), e.toString());
        }
    }

    private void follow() {
        while (stop.getCount() > 0) {
            try {
                followUntilError();
            } catch (KafkaException e) {
                LOG.warn(
                        "{}/{}: Kafka is away ({}); {} goes on answering, next attempt in {} ms",
                        config.projectId(),
                        config.channel(),
                        e.getMessage(),
                        runningVersion().orElse("the base model"),
                        config.retryPause().toMillis());
            } catch (RuntimeException | IOException | Error e) {
                // Errors, too: a service whose follower has died would never see another adapter, and nobody would
                // know.
                LOG.error("{}/{}: following the channel failed, trying again", config.projectId(), config.channel(), e);
            }
            pause();
        }
    }

    private void followUntilError() throws IOException {
        forgetOtherCluster();
        try (ChannelReader channel =
                        new ChannelReader(config.kafka(), config.projectId(), config.channel(), config.pointerTrust());
                BoundedReader reader = BoundedReader.connect(config.kafka());
                LoadReports reports = new LoadReports(config.kafka())) {
            channel.start();
            Optional<ChannelPointer> newest = Optional.empty();
            while (stop.getCount() > 0) {
                Optional<ChannelPointer> arrived = channel.poll(POLL);
                newest = newer(newest, arrived);
                // At the start only the newest of all pointers counts; history is not replayed.
                if (!channel.caughtUp()) {
                    continue;
                }
                if (newest.isPresent() && newest.get().sequence() > state.seen()) {
                    Attempt before = attempt;
                    if (before == null
                            || newest.get().sequence() > before.pointer().sequence()) {
                        long now = System.nanoTime();
                        attempt = new Attempt(newest.get(), now, now, config.retryPause());
                    }
                }
                newest = Optional.empty();
                Attempt due = attempt;
                if (due != null && System.nanoTime() - due.nextNanos() >= 0) {
                    unreported = apply(due, reader);
                }
                report(reports, channel.trace());
                caughtUp.countDown();
            }
            if (reported != null) {
                reports.forget(config.instanceId());
            }
        }
    }

    /** Tells of a swap once, of traffic now and then, and that there is nothing new less often. */
    private void report(LoadReports reports, Optional<TraceParent> trace) {
        AdapterLoad load = unreported;
        AdapterLoad last = reported;
        long silentNanos = System.nanoTime() - reportedNanos;
        if (load == null && last != null && silentNanos >= config.trafficPause().toNanos()) {
            Optional<AdapterLoad.Traffic> now = traffic.now();
            boolean changed = now.isPresent() && !now.equals(last.traffic());
            if (changed || silentNanos >= config.heartbeat().toNanos()) {
                load = last.counting(now, clock.instant());
            }
        }
        if (load != null) {
            reports.report(load.reportingEvery(Math.max(1, config.heartbeat().toSeconds())), trace);
            reported = load;
            reportedNanos = System.nanoTime();
            unreported = null;
        }
    }

    private static Optional<ChannelPointer> newer(Optional<ChannelPointer> a, Optional<ChannelPointer> b) {
        return a.isEmpty() || (b.isPresent() && b.get().sequence() > a.get().sequence()) ? b : a;
    }

    private AdapterLoad apply(Attempt due, BoundedReader reader) {
        ChannelPointer pointer = due.pointer();
        Optional<String> wanted = wanted(pointer);
        Optional<ChannelPointer.Canary> share =
                pointer.canary().filter(canary -> canary.by() == ChannelPointer.Canary.By.REQUESTS);
        try {
            Optional<ServedAdapter> adapter = Optional.empty();
            if (wanted.isPresent()) {
                adapter = Optional.of(fetch(wanted.get(), reader));
            }
            if (inDoubt || !adapter.equals(state.running())) {
                // Until it returns, nobody knows what of it has happened.
                inDoubt = true;
                swap.swap(adapter);
                inDoubt = false;
            }
            state = new State(state.clusterId(), state.seen(), pointer.sequence(), adapter);
            traffic.begin(runningVersion(), Optional.empty());
            wanted = share.map(ChannelPointer.Canary::version).or(() -> wanted(pointer));
            putOnTrial(pointer, share, reader);
            state = new State(state.clusterId(), pointer.sequence(), pointer.sequence(), adapter);
            traffic.begin(runningVersion(), share.map(ChannelPointer.Canary::version));
            attempt = null;
            remember(pointer, adapter);
            long swapMillis = (System.nanoTime() - due.arrivedNanos()) / 1_000_000;
            LOG.info(
                    "{}/{}: {} answers now{} (pointer {}, {} ms)",
                    config.projectId(),
                    config.channel(),
                    runningVersion().orElse("the base model"),
                    share.map(canary -> ", " + canary.version() + " a share of " + canary.percent() + "%")
                            .orElse(""),
                    pointer.sequence(),
                    swapMillis);
            return load(pointer, wanted, AdapterLoad.Status.LOADED, swapMillis, Optional.empty(), false);
        } catch (KafkaException e) {
            throw e;
        } catch (IOException e) {
            return later(due, wanted, e);
        } catch (Exception e) {
            if (e instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
            return refused(due, wanted, e);
        }
    }

    /** Of a channel with a canary that is a share of the instances, an instance runs the one or the other. */
    private Optional<String> wanted(ChannelPointer pointer) {
        return pointer.canary()
                .filter(canary ->
                        canary.by() == ChannelPointer.Canary.By.INSTANCES && pointer.isInCanary(config.instanceId()))
                .map(ChannelPointer.Canary::version)
                .or(pointer::version);
    }

    private void putOnTrial(ChannelPointer pointer, Optional<ChannelPointer.Canary> share, BoundedReader reader)
            throws Exception {
        if (share.isEmpty() && trial.isEmpty()) {
            return;
        }
        Optional<AdapterSwap.Trial> next = share.isEmpty()
                ? Optional.empty()
                : Optional.of(new AdapterSwap.Trial(fetch(share.get().version(), reader), pointer));
        swap.trial(next);
        trial = next;
    }

    /** What a store or a disk did not do now it may do later: nothing is refused for good. */
    private AdapterLoad later(Attempt due, Optional<String> wanted, IOException problem) {
        ChannelPointer pointer = due.pointer();
        Duration pause = due.pause();
        Duration next = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        attempt = new Attempt(pointer, due.arrivedNanos(), System.nanoTime() + pause.toNanos(), next);
        String text = problem.getMessage() == null ? problem.toString() : problem.getMessage();
        LOG.warn(
                "{}/{}: {} cannot be had now (pointer {}): {}; {} goes on answering, next attempt in {} ms",
                config.projectId(),
                config.channel(),
                wanted.orElse("the base model"),
                pointer.sequence(),
                problem.toString(),
                runningVersion().orElse("the base model"),
                pause.toMillis());
        long millis = (System.nanoTime() - due.arrivedNanos()) / 1_000_000;
        return load(
                pointer, wanted, AdapterLoad.Status.REFUSED, millis, Optional.of(text + "; it is tried again"), true);
    }

    private AdapterLoad refused(Attempt due, Optional<String> wanted, Exception e) {
        ChannelPointer pointer = due.pointer();
        attempt = null;
        String problem =
                e instanceof ArtifactException ? String.valueOf(e.getMessage()) : "the service did not take it: " + e;
        state = new State(state.clusterId(), pointer.sequence(), state.loaded(), state.running());
        LOG.warn(
                "{}/{}: refused {} (pointer {}): {}; {} goes on answering",
                config.projectId(),
                config.channel(),
                wanted.orElse("the base model"),
                pointer.sequence(),
                problem,
                runningVersion().orElse("the base model"));
        long millis = (System.nanoTime() - due.arrivedNanos()) / 1_000_000;
        return load(pointer, wanted, AdapterLoad.Status.REFUSED, millis, Optional.of(problem), false);
    }

    /** What runs, runs: that a restart will have to fetch it again is worth a warning, not a refusal. */
    private void remember(ChannelPointer pointer, Optional<ServedAdapter> adapter) {
        try {
            cache.remember(new AdapterCache.Current(state.clusterId(), pointer.sequence(), adapter));
        } catch (IOException e) {
            LOG.warn(
                    "{}/{}: the cache does not know what runs now, a restart begins with what it knows: {}",
                    config.projectId(),
                    config.channel(),
                    e.toString());
        }
    }

    private ServedAdapter fetch(String version, BoundedReader reader) throws ArtifactException, IOException {
        SignedManifest signed = Manifests.findSigned(reader, config.projectId(), version)
                .orElseThrow(() -> new ArtifactException(
                        "version " + version + " of project " + config.projectId() + " was never published"));
        return cache.get(signed, new ArtifactReader(reader, config.store()));
    }

    private AdapterLoad load(
            ChannelPointer pointer,
            Optional<String> wanted,
            AdapterLoad.Status status,
            long swapMillis,
            Optional<String> problem,
            boolean retrying) {
        AdapterLoad load = new AdapterLoad(
                config.instanceId(),
                config.projectId(),
                config.channel(),
                status,
                wanted,
                runningVersion(),
                pointer.sequence(),
                swapMillis,
                problem,
                clock.instant());
        return (retrying ? load.tryingAgain() : load).counting(traffic.now(), load.at());
    }

    /** Sequence numbers count within one cluster; those remembered from another say nothing. */
    private void forgetOtherCluster() {
        Map<String, Object> properties = new HashMap<>(config.kafka());
        properties.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, 15_000);
        properties.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, 10_000);
        try (Admin admin = Admin.create(properties)) {
            String clusterId = admin.describeCluster().clusterId().get();
            State known = state;
            if (!known.clusterId().equals(clusterId)) {
                if (known.seen() > 0) {
                    LOG.info("another Kafka cluster than the cache remembers; its pointers count from the start");
                }
                state = new State(clusterId, 0, 0, known.running());
                attempt = null;
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof KafkaException cause ? cause : new KafkaException(e.getCause());
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
    }

    private void pause() {
        try {
            if (stop.await(config.retryPause().toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            stop.countDown();
            Thread.currentThread().interrupt();
        }
    }
}
