package dev.podium.local.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Topics;
import dev.podium.embedded.BrokerMain;
import dev.podium.embedded.FreePort;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reports of instances on the real broker. */
class ForgetTest {
    @TempDir
    Path folder;

    @Test
    void onlyAnInstanceThatHasReportedCanBeForgotten() throws Exception {
        int port = FreePort.find();
        String broker = "127.0.0.1:" + port;
        Process process = startBroker(port);
        try {
            Map<String, Object> kafka = Map.of("bootstrap.servers", broker);
            try (Admin admin = Admin.create(kafka)) {
                Topics.createMissing(admin, 3, (short) 1);
            }
            assertTrue(refused(broker, "bot-1").contains("no instance bot-1 has reported; none has"));
            try (KafkaProducer<String, String> producer =
                    new KafkaProducer<>(kafka, new StringSerializer(), new StringSerializer())) {
                for (String instance : new String[] {"bot-1", "bot-2", "bot-3"}) {
                    producer.send(new ProducerRecord<>(Topics.ADAPTER_LOADS, instance, "{}"))
                            .get();
                }
            }

            assertEquals(0, forget(broker, "bot-2", new StringWriter()));

            assertTrue(refused(broker, "bot-2").contains("those that have: bot-1, bot-3"));
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** In a process of its own, whose log nobody reads. */
    private Process startBroker(int port) throws Exception {
        Process process = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        BrokerMain.class.getName(),
                        folder.resolve("kafka").toString(),
                        Integer.toString(port))
                .redirectError(folder.resolve("broker.err").toFile())
                .start();
        assertEquals("ready", process.inputReader().readLine());
        return process;
    }

    private String refused(String broker, String instance) {
        StringWriter err = new StringWriter();
        assertEquals(1, forget(broker, instance, err));
        return err.toString();
    }

    private int forget(String broker, String instance, StringWriter err) {
        Session session = new Session(
                Map.of("PODIUM_HOME", folder.toString(), "KAFKA_BOOTSTRAP_SERVERS", broker),
                new PrintWriter(new StringWriter(), true),
                new PrintWriter(err, true));
        return Podium.run(session, "channel", "forget", instance);
    }
}
