package dev.podium.feedback.outbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Topics;
import dev.podium.contracts.TraceParent;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.tracing.CurrentTrace;
import io.quarkus.arc.Arc;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Status;
import jakarta.transaction.Synchronization;
import jakarta.transaction.TransactionSynchronizationRegistry;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Function;

/** Takes events in the transaction of the rows they speak of; {@link OutboxRelay} sends them after the commit. */
@Singleton
public class Outbox {
    private final EntityManager entities;
    private final TransactionSynchronizationRegistry transactions;
    private final OutboxRelay relay;
    private final CurrentTrace trace;

    Outbox(
            EntityManager entities,
            TransactionSynchronizationRegistry transactions,
            OutboxRelay relay,
            CurrentTrace trace) {
        this.entities = entities;
        this.transactions = transactions;
        this.relay = relay;
        this.trace = trace;
    }

    /**
     * The event as text, when its topic takes that much.
     *
     * @throws Refusal 413 {@code event_too_large}
     */
    public static String requireFits(String topic, Object event) {
        String payload = EventJson.writeText(event);
        int bytes = payload.getBytes(UTF_8).length;
        if (bytes > Topics.maxValueBytes(topic)) {
            throw new Refusal(
                    413,
                    "event_too_large",
                    "What would be published has " + bytes + " bytes, the limit is " + Topics.maxValueBytes(topic)
                            + ". Shorten the texts, or send fewer at once.");
        }
        return payload;
    }

    /**
     * Adds an event.
     *
     * @param id stable over all deliveries
     * @param key of the record; events of one key keep their order
     */
    public void add(String topic, String key, String id, String subject, Object event, Instant at) {
        add(topic, key, id, subject, event, at, payload -> Optional.empty());
    }

    /**
     * Adds an event that may be signed.
     *
     * @param signature of the payload, which is sent byte for byte
     */
    public void add(
            String topic,
            String key,
            String id,
            String subject,
            Object event,
            Instant at,
            Function<String, Optional<String>> signature) {
        String payload = requireFits(topic, event);
        OutboxRow row = new OutboxRow();
        row.id = id;
        row.aggregateType = topic;
        row.aggregateId = key;
        row.type = CloudEvents.type(event);
        row.payload = payload;
        row.subject = subject;
        row.createdAt = at;
        row.traceParent = cause().toString();
        row.signature = signature.apply(payload).orElse(null);
        entities.persist(row);
        wakeAfterCommit();
    }

    /** Has the relay look, once this transaction is through: for who writes the event's row along with others. */
    public void wakeAfterCommit() {
        if (transactions.getResource(this) == null) {
            transactions.putResource(this, Boolean.TRUE);
            transactions.registerInterposedSynchronization(new Synchronization() {
                @Override
                public void beforeCompletion() {
                    // Nothing to prepare.
                }

                @Override
                public void afterCompletion(int status) {
                    if (status == Status.STATUS_COMMITTED) {
                        relay.wake();
                    }
                }
            });
        }
    }

    /** An event was written and committed by a statement of its own: has the relay look. */
    public void committed() {
        relay.wake();
    }

    /** What an event written now names as its cause: the request's trace; work that no request asked for, such as a schedule's, begins one. */
    public TraceParent cause() {
        return Arc.container().requestContext().isActive() ? trace.get() : TraceParent.begin();
    }
}
