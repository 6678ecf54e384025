package dev.podium.sidecar;

import dev.podium.contracts.KafkaSettings;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Configuration of the sidecar, from the environment.
 *
 * @param project whose channel is followed (PODIUM_SIDECAR_PROJECT)
 * @param channel (PODIUM_SIDECAR_CHANNEL, production)
 * @param vllm address of the server (PODIUM_SIDECAR_URL, http://localhost:8000)
 * @param apiKey that the server was started with (PODIUM_SIDECAR_API_KEY)
 * @param folder where adapters are written (PODIUM_SIDECAR_FOLDER, .podium/sidecar)
 * @param servedFolder where the server has that folder (PODIUM_SIDECAR_SERVED_FOLDER, the same)
 * @param alias model name that stands for the channel (PODIUM_SIDECAR_ALIAS, PROJECT-CHANNEL)
 * @param listen port of the way with the alias (PODIUM_SIDECAR_PORT, 8001; 0: none)
 * @param listenHost (PODIUM_SIDECAR_HOST, 127.0.0.1)
 * @param drain how long an adapter stays after its last known request (PODIUM_SIDECAR_DRAIN_SECONDS, 30)
 * @param baseModel that adapters must belong to (PODIUM_SIDECAR_BASE_MODEL)
 * @param baseSha256 of its weights (PODIUM_SIDECAR_BASE_SHA256)
 * @param baseConfig its config.json, for the check of shapes (PODIUM_SIDECAR_BASE_CONFIG)
 * @param maxRank as the server's --max-lora-rank (PODIUM_SIDECAR_MAX_RANK, 64)
 * @param instanceId under which loads are reported (PODIUM_SIDECAR_INSTANCE, sidecar-HOST-PORT)
 */
public record SidecarConfig(
        Map<String, Object> kafka,
        String project,
        String channel,
        URI vllm,
        Optional<String> apiKey,
        Path folder,
        String servedFolder,
        String alias,
        int listen,
        String listenHost,
        Duration drain,
        String baseModel,
        Optional<String> baseSha256,
        Optional<Path> baseConfig,
        int maxRank,
        String instanceId,
        Function<String, Optional<String>> settings) {
    /** @throws IllegalArgumentException naming what is missing or wrong */
    public static SidecarConfig of(Map<String, String> environment) {
        Function<String, Optional<String>> settings = name -> Optional.ofNullable(
                        environment.get(name.toUpperCase(Locale.ROOT).replace('.', '_')))
                .map(String::strip)
                .filter(text -> !text.isEmpty());
        Function<String, Optional<String>> own = name -> settings.apply("podium.sidecar." + name);
        Map<String, Object> kafka = KafkaSettings.from(settings);
        kafka.putIfAbsent("bootstrap.servers", "localhost:9092");
        String project = own.apply("project")
                .orElseThrow(() -> new IllegalArgumentException(
                        "PODIUM_SIDECAR_PROJECT (--project) is not set: name the project whose channel is followed"));
        String baseModel = own.apply("base.model")
                .orElseThrow(() -> new IllegalArgumentException("PODIUM_SIDECAR_BASE_MODEL (--base-model) is not set:"
                        + " name the base model that vLLM serves, as Podium calls it"));
        String channel = own.apply("channel").orElse("production");
        Path folder = Path.of(own.apply("folder").orElse(".podium/sidecar")).toAbsolutePath();
        int listen = Integer.parseInt(own.apply("port").orElse("8001"));
        return new SidecarConfig(
                kafka,
                project,
                channel,
                URI.create(own.apply("url").orElse("http://localhost:8000")),
                own.apply("api.key"),
                folder,
                own.apply("served.folder").orElse(folder.toString()),
                own.apply("alias").orElse(project + "-" + channel),
                listen,
                own.apply("host").orElse("127.0.0.1"),
                Duration.ofSeconds(Long.parseLong(own.apply("drain.seconds").orElse("30"))),
                baseModel,
                own.apply("base.sha256"),
                own.apply("base.config").map(Path::of),
                Integer.parseInt(own.apply("max.rank").orElse("64")),
                own.apply("instance").orElseGet(() -> "sidecar-" + host() + "-" + listen),
                settings);
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }
}
