package dev.podium.training.publish;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.DeadLetterHeaders;
import dev.podium.contracts.Output;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundState;
import dev.podium.contracts.SampleSet;
import dev.podium.contracts.Topics;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes round events and samples. May be used by several threads. */
public final class RoundEvents implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RoundEvents.class);
    private static final long RETRY_MILLIS = 1_000;
    /** The topic takes 8 MB with headers. */
    private static final int MOST_DEAD_LETTER_BYTES = 7 << 20;

    private final Producer<byte[], byte[]> producer;
    private final String source;
    private final Map<String, RoundState> states = new ConcurrentHashMap<>();
    private final RoundTraces traces;

    /** Without traces. */
    public RoundEvents(Map<String, ?> kafka, String source) {
        this(kafka, source, new RoundTraces());
    }

    /**
     * @param source the application, e.g. {@code /policy-trainer}
     * @param traces what caused the rounds
     */
    public RoundEvents(Map<String, ?> kafka, String source, RoundTraces traces) {
        Map<String, Object> properties = new HashMap<>(kafka);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        // A trainer must not stand still for long because nobody hears of its progress.
        properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 5_000);
        properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, Topics.MAX_REQUEST_BYTES);
        this.producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        this.source = source;
        this.traces = traces;
    }

    /** From here on events of a round are checked against what the log says of it. */
    public void follow(String roundId, RoundState state) {
        states.put(roundId, state);
    }

    /** The round has left this trainer. */
    public void forget(String roundId) {
        states.remove(roundId);
    }

    /**
     * Whether an event may be written now.
     *
     * @throws IllegalStateException when it may not: a bug of this trainer
     */
    public void requireMayFollow(RoundEvent event) {
        if (states.getOrDefault(event.roundId(), RoundState.REQUESTED).after(event)
                instanceof RoundState.Refused refused) {
            throw new IllegalStateException("round " + event.roundId() + ": " + refused.why());
        }
    }

    private void took(RoundEvent event) {
        states.computeIfPresent(
                event.roundId(),
                (id, state) -> state.after(event) instanceof RoundState.Taken taken ? taken.state() : state);
    }

    /** Writes an event that may be lost when Kafka is away, such as progress. Returns at once. */
    public void tell(RoundEvent event) {
        try {
            requireMayFollow(event);
        } catch (IllegalStateException e) {
            // Nobody's training ends because its progress is told wrongly.
            LOG.error("{} is not written", name(event), e);
            return;
        }
        took(event);
        try {
            Future<?> sent = producer.send(EventRecords.of(event, source, traces), (metadata, problem) -> {
                if (problem != null) {
                    LOG.warn("round {}: {} was not stored: {}", event.roundId(), name(event), problem.toString());
                }
            });
            if (sent.isCancelled()) {
                LOG.warn("round {}: {} was not stored", event.roundId(), name(event));
            }
        } catch (KafkaException e) {
            LOG.warn("round {}: {} was not stored: {}", event.roundId(), name(event), e.toString());
        }
    }

    /**
     * Writes an event that must not be lost; waits for Kafka as long as it takes.
     *
     * @param giveUp asked between attempts
     * @return false when given up
     * @throws IllegalStateException when it may not follow what was told before, see {@link RoundState}
     */
    public boolean tellSurely(RoundEvent event, BooleanSupplier giveUp) {
        requireMayFollow(event);
        boolean told = sendSurely(EventRecords.of(event, source, traces), giveUp);
        if (told) {
            took(event);
        }
        return told;
    }

    /**
     * Writes a sample set; as {@link #tellSurely}. Where it is over the topic's limit it goes without its token ids, which
     * are encoded again from the texts when they are trained on.
     *
     * @throws KafkaException when it is over the limit even so
     */
    public boolean sample(SampleSet set, BooleanSupplier giveUp) {
        ProducerRecord<byte[], byte[]> whole = EventRecords.of(set, source, traces);
        if (fits(whole)) {
            return sendSurely(whole, giveUp);
        }
        LOG.warn("round {}: sample set {} goes without token ids, it is too large", set.roundId(), set.index());
        List<Output> texts = set.outputs().stream()
                .map(output -> new Output(output.id(), output.text(), output.provenance(), List.of()))
                .toList();
        return sendSurely(
                EventRecords.of(
                        new SampleSet(
                                set.projectId(),
                                set.roundId(),
                                set.index(),
                                set.prompt(),
                                texts,
                                set.at(),
                                set.group(),
                                set.selection()),
                        source,
                        traces),
                giveUp);
    }

    private static boolean fits(ProducerRecord<byte[], byte[]> record) {
        // Room for key and headers.
        return record.value().length <= Topics.maxValueBytes(record.topic()) - 4096;
    }

    /**
     * Puts a command that cannot be read where an operator finds it, bytes and headers as they were; one that is too large
     * for that goes without its bytes, and its headers say where they are.
     */
    public void deadLetter(
            ConsumerRecord<byte[], byte[]> record, String reason, String message, BooleanSupplier giveUp) {
        Headers headers = new RecordHeaders(record.headers());
        headers.add(DeadLetterHeaders.REASON, reason.getBytes(UTF_8));
        headers.add(DeadLetterHeaders.MESSAGE, message.getBytes(UTF_8));
        headers.add(DeadLetterHeaders.TOPIC, record.topic().getBytes(UTF_8));
        headers.add(
                DeadLetterHeaders.PARTITION,
                Integer.toString(record.partition()).getBytes(UTF_8));
        headers.add(DeadLetterHeaders.OFFSET, Long.toString(record.offset()).getBytes(UTF_8));
        boolean small = record.value() == null || record.value().length <= MOST_DEAD_LETTER_BYTES;
        byte @Nullable [] value = small ? record.value() : null;
        if (!small) {
            LOG.warn(
                    "the dead letter of {}-{}@{} goes without its {} bytes",
                    record.topic(),
                    record.partition(),
                    record.offset(),
                    record.value().length);
        }
        boolean stored =
                sendSurely(new ProducerRecord<>(Topics.DEAD_LETTERS, null, record.key(), value, headers), giveUp);
        if (!stored) {
            throw new KafkaException("a dead letter was not stored");
        }
    }

    private boolean sendSurely(ProducerRecord<byte[], byte[]> record, BooleanSupplier giveUp) {
        while (true) {
            try {
                producer.send(record).get();
                return true;
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof RetriableException)) {
                    throw new KafkaException("cannot write to " + record.topic(), e.getCause());
                }
                LOG.warn(
                        "cannot write to {} yet: {}",
                        record.topic(),
                        e.getCause().toString());
            } catch (RetriableException e) {
                LOG.warn("cannot write to {} yet: {}", record.topic(), e.toString());
            } catch (InterruptedException e) {
                throw new InterruptException(e);
            }
            if (giveUp.getAsBoolean()) {
                return false;
            }
            try {
                Thread.sleep(RETRY_MILLIS);
            } catch (InterruptedException e) {
                throw new InterruptException(e);
            }
        }
    }

    private static String name(RoundEvent event) {
        return event.getClass().getSimpleName();
    }

    @Override
    public void close() {
        producer.close(Duration.ofSeconds(5));
    }
}
