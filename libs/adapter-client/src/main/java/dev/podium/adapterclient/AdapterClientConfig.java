package dev.podium.adapterclient;

import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.ManifestTrust;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * How a service instance follows a channel.
 *
 * @param kafka client configuration, at least {@code bootstrap.servers}
 * @param instanceId unique per running instance, stable over restarts: under it the loads are reported, and by its hash
 *     it belongs to a canary's share or not
 * @param cacheDir folder of this instance alone; with it the service starts where Kafka is away
 * @param retryPause between attempts while Kafka, an object store or a disk does not do what is asked; doubled up to a
 *     minute while it stays so
 * @param trust which manifests are believed
 * @param store where adapters that are published by reference are; empty: such an adapter is refused. The client does not
 *     close it
 * @param trafficPause how often requests and errors are reported, where the service counts them; where nothing has
 *     changed, every sixth time
 * @param pointerTrust which pointers of the channel are followed
 */
public record AdapterClientConfig(
        Map<String, Object> kafka,
        String instanceId,
        String projectId,
        String channel,
        Path cacheDir,
        Expectation expectation,
        Duration retryPause,
        ManifestTrust trust,
        Optional<ArtifactStore> store,
        Duration trafficPause,
        ManifestTrust pointerTrust) {
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(2);
    private static final Duration TRAFFIC_PAUSE = Duration.ofSeconds(10);
    // A minute by default: what is silent for several of them is looked for.
    private static final int PAUSES_PER_HEARTBEAT = 6;

    public AdapterClientConfig {
        kafka = Map.copyOf(kafka);
    }

    /** How often an instance reports that it is there, also when nothing has changed. */
    Duration heartbeat() {
        return trafficPause.multipliedBy(PAUSES_PER_HEARTBEAT);
    }

    /** Believes every manifest and every pointer, and knows no object store. */
    public AdapterClientConfig(
            Map<String, Object> kafka,
            String instanceId,
            String projectId,
            String channel,
            Path cacheDir,
            Expectation expectation,
            Duration retryPause) {
        this(
                kafka,
                instanceId,
                projectId,
                channel,
                cacheDir,
                expectation,
                retryPause,
                ManifestTrust.everything(),
                Optional.empty(),
                TRAFFIC_PAUSE,
                ManifestTrust.everything());
    }

    /** The same with a Kafka that needs nothing but its address. */
    public AdapterClientConfig(
            String bootstrapServers,
            String instanceId,
            String projectId,
            String channel,
            Path cacheDir,
            Expectation expectation) {
        this(
                Map.of("bootstrap.servers", bootstrapServers),
                instanceId,
                projectId,
                channel,
                cacheDir,
                expectation,
                RETRY_PAUSE);
    }

    /** The same, believing only what {@code trust} does. */
    public AdapterClientConfig trusting(ManifestTrust other) {
        return with(other, store, trafficPause, pointerTrust);
    }

    /** The same, following only pointers that {@code trust} believes; unsigned ones are ignored then. */
    public AdapterClientConfig following(ManifestTrust other) {
        return with(trust, store, trafficPause, other);
    }

    /** The same with an object store. */
    public AdapterClientConfig fetchingFrom(Optional<ArtifactStore> other) {
        return with(trust, other, trafficPause, pointerTrust);
    }

    /** The same with another pause between reports of traffic. */
    public AdapterClientConfig reportingEvery(Duration other) {
        return with(trust, store, other, pointerTrust);
    }

    private AdapterClientConfig with(
            ManifestTrust manifests, Optional<ArtifactStore> from, Duration reports, ManifestTrust pointers) {
        return new AdapterClientConfig(
                kafka,
                instanceId,
                projectId,
                channel,
                cacheDir,
                expectation,
                retryPause,
                manifests,
                from,
                reports,
                pointers);
    }
}
