package dev.podium.local.service;

import dev.podium.contracts.KafkaSettings;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.objectstore.S3ArtifactStore;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Configuration of the sample service, from the environment.
 *
 * @param project whose channel is followed (PODIUM_SERVICE_PROJECT)
 * @param channel (PODIUM_SERVICE_CHANNEL)
 * @param baseModel (PODIUM_SERVICE_MODEL)
 * @param trust which manifests are believed (PODIUM_TRUSTED_KEYS_FILE)
 * @param pointerTrust which pointers of the channel are followed (PODIUM_TRUSTED_POINTER_KEYS_FILE)
 * @param store where large adapters are (PODIUM_STORE_URL and the rest of podium-object-store's settings)
 * @param device auto, cpu or cuda:N (PODIUM_DEVICE)
 * @param threads of libtorch (PODIUM_THREADS)
 */
record ServiceConfig(
        int port,
        Map<String, Object> kafka,
        String project,
        String channel,
        String baseModel,
        Path modelsDir,
        Path workDir,
        String device,
        int threads,
        ManifestTrust trust,
        ManifestTrust pointerTrust,
        Optional<ArtifactStore> store) {
    private static Map<String, Object> kafka(Map<String, String> environment) {
        Map<String, Object> settings = KafkaSettings.from(name -> setting(environment, name));
        settings.putIfAbsent("bootstrap.servers", "localhost:9092");
        return settings;
    }

    private static Optional<String> setting(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name.toUpperCase(Locale.ROOT).replace('.', '_')));
    }

    static ServiceConfig of(Map<String, String> environment) {
        int cores = Runtime.getRuntime().availableProcessors();
        return new ServiceConfig(
                Integer.parseInt(environment.getOrDefault("QUARKUS_HTTP_PORT", "8084")),
                kafka(environment),
                environment.getOrDefault("PODIUM_SERVICE_PROJECT", "demo"),
                environment.getOrDefault("PODIUM_SERVICE_CHANNEL", "production"),
                environment.getOrDefault("PODIUM_SERVICE_MODEL", "podium-nano"),
                Path.of(environment.getOrDefault("PODIUM_MODELS_DIR", ".podium/models")),
                Path.of(environment.getOrDefault("PODIUM_WORK_DIR", ".podium/work/sample-service")),
                environment.getOrDefault("PODIUM_DEVICE", "cpu"),
                Integer.parseInt(environment.getOrDefault("PODIUM_THREADS", Integer.toString(Math.min(cores, 4)))),
                ManifestTrust.configured(setting(environment, ManifestTrust.SETTING)),
                ManifestTrust.configured(setting(environment, ManifestTrust.POINTERS_SETTING)),
                S3ArtifactStore.configured(name -> setting(environment, name)));
    }
}
