package dev.podium.local.check;

import java.nio.file.Path;
import java.util.Map;

/**
 * Where the checker looks.
 *
 * @param ledger JSON lines of what labelers were told is taken: task, labeler, revision, event, retracted, groups,
 *     unacceptable
 * @param bootstrapServers Kafka
 * @param jdbcUrl PostgreSQL
 * @param channel that the services follow
 * @param trustedKeys public keys that may sign manifests, one line each: key id and key
 * @param trustedPointerKeys the same for pointers of channels
 * @param services instance id to the address that tells the running version
 */
public record Evidence(
        Path ledger,
        String bootstrapServers,
        String jdbcUrl,
        String username,
        String password,
        String project,
        String channel,
        Path trustedKeys,
        Path trustedPointerKeys,
        Map<String, String> services) {
    public Evidence {
        services = Map.copyOf(services);
    }
}
