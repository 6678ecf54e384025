package dev.podium.local.bench.streams;

import java.io.IOException;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;

/**
 * What any topology costs: the same records from one topic to another, without looking at them, under the same guarantee
 * and the same settings. Arguments: bootstrap servers, application id, from, to, state folder.
 */
public final class PassThrough {
    private PassThrough() {}

    /** Runs until its standard input ends. */
    public static void main(String[] arguments) throws IOException {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        // As often as ranking-stream while it works a log off.
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.producerPrefix("max.request.size"), 8 * 1024 * 1024);
        settings.put(StreamsConfig.producerPrefix("batch.size"), 131_072);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 100);
        settings.put("max.poll.records", 2_000);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        var bytes = Serdes.ByteArray();
        Topology topology = new Topology()
                .addSource("from", bytes.deserializer(), bytes.deserializer(), arguments[2])
                .addSink("to", arguments[3], bytes.serializer(), bytes.serializer(), "from");
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.start();
        while (System.in.read() >= 0) {
            // Whatever comes is of no interest; only the end is.
        }
        streams.close();
    }
}
