package dev.podium.feedback.outbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.SigningKey;
import dev.podium.feedback.kafka.KafkaAccess;
import dev.podium.feedback.rest.UncheckedSqlException;
import io.agroal.api.AgroalDataSource;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Sends the outbox to Kafka, at least once, in order per key: what is there is locked and sent, and deleted after the
 * acknowledgement. It never remembers 'the last id', because ids are not in commit order. Of several instances one works
 * at a time.
 */
@Singleton
public class OutboxRelay {
    private static final Logger LOG = Logger.getLogger(OutboxRelay.class);
    private static final int BATCH = 500;
    private static final Duration POLL = Duration.ofMillis(500);
    private static final Duration GATHER = Duration.ofMillis(40);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);
    private static final long RELAY_LOCK = 0x706f6469756dL;

    private final AgroalDataSource database;
    private final KafkaAccess kafka;
    private final boolean enabled;
    private final Semaphore work = new Semaphore(0);
    private final AtomicLong sent;
    private volatile boolean running;
    private Thread thread = new Thread();

    OutboxRelay(
            AgroalDataSource database,
            KafkaAccess kafka,
            MeterRegistry metrics,
            @ConfigProperty(name = "podium.outbox.relay.enabled") boolean enabled) {
        this.database = database;
        this.kafka = kafka;
        this.enabled = enabled;
        this.sent = metrics.gauge("podium.outbox.sent", new AtomicLong());
    }

    void start(@Observes StartupEvent event) {
        if (!enabled) {
            return;
        }
        running = true;
        thread = new Thread(this::run, "outbox-relay");
        thread.setDaemon(true);
        thread.start();
    }

    void stop(@Observes ShutdownEvent event) throws InterruptedException {
        running = false;
        wake();
        thread.join(Duration.ofSeconds(5));
    }

    /** There is something to send. */
    void wake() {
        work.release();
    }

    private void run() {
        Duration pause = POLL;
        while (running && !kafka.topicsReady()) {
            sleep(Duration.ofMillis(200));
        }
        while (running) {
            try (Producer<String, byte[]> producer = producer()) {
                while (running) {
                    int batch = QuarkusTransaction.requiringNew().call(() -> sendBatch(producer));
                    sent.addAndGet(batch);
                    pause = POLL;
                    if (batch < BATCH) {
                        boolean woken = work.tryAcquire(POLL.toMillis(), TimeUnit.MILLISECONDS);
                        if (woken) {
                            // What comes right behind goes along.
                            sleep(GATHER);
                            work.drainPermits();
                        }
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (RuntimeException e) {
                LOG.warnf("events wait in the outbox: %s; next try in %d s", reason(e), pause.toSeconds());
                sleep(pause);
                pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
            }
        }
    }

    private static String reason(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null && !(cause instanceof SQLException)) {
            cause = cause.getCause();
        }
        return cause.toString();
    }

    /** An event on its way. */
    private record Row(
            long position,
            String id,
            String topic,
            String key,
            String type,
            String payload,
            String subject,
            Instant createdAt,
            @Nullable String traceParent,
            @Nullable String signature) {
        ProducerRecord<String, byte[]> record() {
            ProducerRecord<String, byte[]> record = new ProducerRecord<>(
                    topic,
                    null,
                    key,
                    payload.getBytes(UTF_8),
                    CloudEvents.headers(id, "/feedback-api", type, subject, createdAt, traceParent));
            if (signature != null) {
                record.headers().add(SigningKey.HEADER, signature.getBytes(UTF_8));
            }
            return record;
        }
    }

    /** Locks, sends, waits for the acknowledgements, deletes. A failure rolls back, and the rows stay. */
    private int sendBatch(Producer<String, byte[]> producer) {
        try (Connection connection = database.getConnection()) {
            List<Row> rows = lock(connection);
            if (rows.isEmpty()) {
                return 0;
            }
            List<Future<RecordMetadata>> acknowledgements = new ArrayList<>();
            for (Row row : rows) {
                Future<RecordMetadata> sending = producer.send(row.record());
                if (sending.state() == Future.State.FAILED
                        && !(sending.exceptionNow() instanceof RecordTooLargeException)) {
                    // Without brokers each of the others would wait as long, inside this transaction.
                    throw new KafkaException("Kafka did not take an event", sending.exceptionNow());
                }
                acknowledgements.add(sending);
            }
            producer.flush();
            List<Long> taken = new ArrayList<>();
            for (int i = 0; i < rows.size(); i++) {
                Row row = rows.get(i);
                try {
                    acknowledgements.get(i).get();
                    taken.add(row.position());
                } catch (ExecutionException e) {
                    if (!(e.getCause() instanceof RecordTooLargeException)) {
                        throw new KafkaException("Kafka did not take an event", e.getCause());
                    }
                    setAside(connection, row, String.valueOf(e.getCause().getMessage()));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new KafkaException("interrupted while sending", e);
                }
            }
            try (PreparedStatement delete = connection.prepareStatement("delete from outbox where position = any(?)")) {
                delete.setArray(1, connection.createArrayOf("bigint", taken.toArray()));
                delete.executeUpdate();
            }
            return rows.size();
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    /**
     * The oldest events, in order; none where another instance is at work. The relay's lock is enough: nobody else deletes
     * what may be sent. Asked for in a statement of its own, so that what is seen then is not from before it was held.
     */
    private static List<Row> lock(Connection connection) throws SQLException {
        List<Row> rows = new ArrayList<>();
        try (PreparedStatement one = connection.prepareStatement("select pg_try_advisory_xact_lock(?)")) {
            one.setLong(1, RELAY_LOCK);
            try (ResultSet mine = one.executeQuery()) {
                mine.next();
                if (!mine.getBoolean(1)) {
                    return rows;
                }
            }
        }
        try (PreparedStatement oldest = connection.prepareStatement(
                        "select position, id, aggregatetype, aggregateid, type, payload, subject, created_at,"
                                + " traceparent, signature"
                                + " from outbox where refused is null order by position limit " + BATCH);
                ResultSet found = oldest.executeQuery()) {
            while (found.next()) {
                rows.add(new Row(
                        found.getLong(1),
                        found.getString(2),
                        found.getString(3),
                        found.getString(4),
                        found.getString(5),
                        found.getString(6),
                        found.getString(7),
                        found.getObject(8, OffsetDateTime.class).toInstant(),
                        found.getString(9),
                        found.getString(10)));
            }
        }
        return rows;
    }

    /** Kafka will never take it, so it must not hold up the others; it stays in the table for an operator. */
    private void setAside(Connection connection, Row row, String reason) throws SQLException {
        LOG.errorf(
                "event %s for %s stays in the outbox, Kafka refuses it for good: %s; raise the topic's"
                        + " max.message.bytes, then set outbox.refused to null",
                row.id(), row.topic(), reason);
        try (PreparedStatement update =
                connection.prepareStatement("update outbox set refused = ? where position = ?")) {
            update.setString(1, reason);
            update.setLong(2, row.position());
            update.executeUpdate();
        }
    }

    private Producer<String, byte[]> producer() {
        Map<String, Object> properties = kafka.clientConfiguration();
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 15_000);
        properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 5_000);
        properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 10_000);
        properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, Topics.MAX_REQUEST_BYTES);
        return new KafkaProducer<>(properties, new StringSerializer(), new ByteArraySerializer());
    }

    private static void sleep(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
