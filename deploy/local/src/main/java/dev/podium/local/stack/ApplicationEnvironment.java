package dev.podium.local.stack;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What an application of a stack on this machine is told by its environment.
 *
 * @param folder of the stack's data and secrets
 */
public record ApplicationEnvironment(StackFolder folder, Ports ports) {
    /** Where PostgreSQL is, for who needs it. */
    public record Database(String jdbcUrl, String username, String password) {}

    /**
     * The variables of one application.
     *
     * @param bootstrapServers Kafka, as this application reaches it
     */
    public Map<String, String> of(Application application, String bootstrapServers, Database database)
            throws IOException {
        Map<String, String> environment = new HashMap<>();
        environment.put("PODIUM_PARENT_WATCH", "true");
        environment.put("KAFKA_BOOTSTRAP_SERVERS", bootstrapServers);
        environment.put("PODIUM_TOPICS_PARTITIONS", "3");
        environment.put("PODIUM_TOPICS_REPLICATION", "1");
        environment.put("QUARKUS_HTTP_PORT", Integer.toString(ports.of(application)));
        environment.put("QUARKUS_HTTP_HOST", "127.0.0.1");
        // libtorch's threads would each take a malloc arena of 64 MB.
        environment.putAll(NativeMemory.ENVIRONMENT);
        // Threads that wait by spinning take the cores from one another when several processes compute.
        environment.put("OMP_WAIT_POLICY", "PASSIVE");
        environment.put("OPT_OUT_TRACKING", "true");
        if (application != Application.RANKING_STREAM) {
            environment.put("PODIUM_TRUSTED_KEYS_FILE", folder.trustedKeysFile().toString());
        }
        if (application == Application.REWARD_TRAINER || application == Application.POLICY_TRAINER) {
            environment.put("PODIUM_SIGNING_KEY_FILE", folder.signingKeyFile().toString());
        }
        switch (application) {
            case FEEDBACK_API -> {
                environment.put("QUARKUS_DATASOURCE_JDBC_URL", database.jdbcUrl());
                environment.put("QUARKUS_DATASOURCE_USERNAME", database.username());
                environment.put("QUARKUS_DATASOURCE_PASSWORD", database.password());
                environment.put("PODIUM_OPERATOR_PASSWORD", folder.secret(Operator.PASSWORD_FILE, 15));
                environment.put(
                        "PODIUM_SIGNING_KEY_FILE", folder.pointerKeyFile().toString());
                environment.put("PODIUM_SESSION_KEY", folder.secret("session-key", 32));
            }
            case RANKING_STREAM -> {
                environment.put("QUARKUS_KAFKA_STREAMS_BOOTSTRAP_SERVERS", bootstrapServers);
                // It is alone.
                environment.put("PODIUM_STANDBY_REPLICAS", "0");
            }
            case REWARD_TRAINER, POLICY_TRAINER, SAMPLE_SERVICE -> {
                if (application == Application.SAMPLE_SERVICE) {
                    environment.put(
                            "PODIUM_TRUSTED_POINTER_KEYS_FILE",
                            folder.trustedPointerKeysFile().toString());
                }
                environment.put(
                        "PODIUM_MODELS_DIR",
                        own("PODIUM_MODELS_DIR").orElse(folder.models()).toString());
            }
        }
        environment.put(
                "PODIUM_WORK_DIR",
                own("PODIUM_WORK_DIR")
                        .map(work -> work.resolve(application.label()))
                        .orElse(folder.work(application))
                        .toString());
        return environment;
    }

    /** A folder that who started the stack has named. */
    private static Optional<Path> own(String variable) {
        String value = System.getenv().getOrDefault(variable, "");
        return value.isBlank() ? Optional.empty() : Optional.of(Path.of(value).toAbsolutePath());
    }
}
