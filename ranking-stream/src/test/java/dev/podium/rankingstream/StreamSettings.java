package dev.podium.rankingstream;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Properties;

/** What Kafka Streams is told. */
final class StreamSettings {
    private StreamSettings() {}

    /** As the application is configured, with a folder and a name of its own, on one broker. */
    static Properties of(String application, String servers, Path folder) throws IOException {
        Properties settings = new Properties();
        Properties all = new Properties();
        try (InputStream in = RankingStream.class.getResourceAsStream("/application.properties")) {
            all.load(in);
        }
        all.forEach((key, value) -> {
            String text = key.toString();
            if (text.startsWith("kafka-streams.") && !value.toString().contains("${")) {
                settings.put(text.substring("kafka-streams.".length()), value);
            }
        });
        settings.put("application.id", application);
        settings.put("bootstrap.servers", servers);
        settings.put("state.dir", folder.toString());
        settings.put("replication.factor", "1");
        settings.put("num.standby.replicas", "0");
        settings.put("consumer.group.instance.id", InstanceIdSource.of("host", folder));
        return settings;
    }
}
