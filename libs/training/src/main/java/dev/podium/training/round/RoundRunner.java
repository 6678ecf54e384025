package dev.podium.training.round;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.RoundState;
import dev.podium.contracts.Topics;
import dev.podium.contracts.TraceParent;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.training.publish.RoundEvents;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The life of rounds in one trainer process.
 *
 * <pre>
 *   rlhf.round-commands.v1 --> poll thread --> queue --> work thread, one round at a time --> rlhf.round-events.v1
 *                                  ^   '-- CancelRound --> the round in the queue or at work
 *                                  '------ ended: its offsets may be committed
 * </pre>
 *
 * The poll thread never works, so group membership is kept however long a round takes. An offset is committed only when
 * its round and all before it have ended: after a crash the command is read again, and the round goes on from its
 * checkpoint. What has ended according to the round events is not begun again.
 */
public final class RoundRunner implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RoundRunner.class);
    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(2);
    private static final Duration LONGEST_RETRY_PAUSE = Duration.ofMinutes(1);
    private static final Duration STOP = Duration.ofSeconds(60);
    private static final Duration PRUNE_EVERY = Duration.ofHours(1);
    /** Above it no more commands are read until a round has ended. */
    private static final int MOST_WAITING = 1_000;

    private final RoundRunnerConfig config;
    private final WorkFolder folder;
    private final RoundEvents events;
    private final RoundWork work;
    private final Clock clock = Clock.systemUTC();
    private final Thread pollThread;
    private final Thread workThread;
    private final Thread.UncaughtExceptionHandler threadEnd;

    private final BlockingQueue<RoundTicket> queue = new LinkedBlockingQueue<>();
    private final Queue<RoundTicket> left = new ConcurrentLinkedQueue<>();
    // Left, and queued again after a pause.
    private final Queue<RoundTicket> later = new ConcurrentLinkedQueue<>();
    private final Map<RoundWork.Outcome, AtomicLong> outcomes = new EnumMap<>(RoundWork.Outcome.class);
    private volatile boolean stopping;
    private volatile boolean member;
    private volatile @Nullable RoundTicket atWork;
    // Of the work thread alone; the folder is pruned when it is opened.
    private long prunedNanos = System.nanoTime();

    // Written by the poll thread alone.
    private final Map<String, RoundTicket> tickets = new ConcurrentHashMap<>();
    // Of the poll thread alone.
    private final CommandOffsets offsets = new CommandOffsets();

    /** What a trainer is doing. */
    public record Status(String roundId, RoundKind kind, int step, int totalSteps) {}

    private RoundRunner(
            RoundRunnerConfig config,
            WorkFolder folder,
            Map<RoundKind, Trainer> trainers,
            BaseModelSource models,
            Runnable broken) {
        this.config = config;
        this.folder = folder;
        this.events = new RoundEvents(config.kafka(), "/" + config.trainer(), config.traces());
        this.work = new RoundWork(config, folder, trainers, models, events, clock);
        for (RoundWork.Outcome outcome : RoundWork.Outcome.values()) {
            outcomes.put(outcome, new AtomicLong());
        }
        this.threadEnd = endingWith(broken);
        this.pollThread = thread("commands").unstarted(this::follow);
        this.workThread = thread("work").unstarted(this::workUntilStopped);
    }

    /**
     * For threads without which there is no trainer, though its process lives: what none of its own catches ends the
     * process.
     */
    static Thread.UncaughtExceptionHandler endingWith(Runnable broken) {
        return (thread, failure) -> {
            try {
                LOG.error("{} failed, and its process ends to be started again", thread.getName(), failure);
            } finally {
                broken.run();
            }
        };
    }

    private Thread.Builder.OfPlatform thread(String name) {
        return Thread.ofPlatform().daemon().name(config.trainer() + "-" + name).uncaughtExceptionHandler(threadEnd);
    }

    /**
     * Starts a trainer.
     *
     * @param broken is called when a thread of it has failed for good, and must end the process: the group would keep
     *     partitions for it, and their rounds would wait for ever
     * @throws IOException when its work folder cannot be used, or another process uses it
     */
    public static RoundRunner start(
            RoundRunnerConfig config, Map<RoundKind, Trainer> trainers, BaseModelSource models, Runnable broken)
            throws IOException {
        if (!trainers.keySet().containsAll(config.kinds())) {
            throw new IllegalArgumentException(config.trainer() + " takes " + config.kinds() + " but has trainers for "
                    + trainers.keySet() + " only");
        }
        WorkFolder folder = WorkFolder.open(config.workDir());
        RoundRunner runner;
        try {
            runner = new RoundRunner(config, folder, trainers, models, broken);
        } catch (RuntimeException e) {
            // Else the next attempt of this process finds its own lock, and hides why this one failed.
            folder.close();
            throw e;
        }
        runner.pollThread.start();
        runner.workThread.start();
        return runner;
    }

    /** Whether commands reach this trainer: it is a member of its group and both its threads live. */
    public boolean isReady() {
        return member && pollThread.isAlive() && workThread.isAlive();
    }

    /** The round at work. */
    public Optional<Status> status() {
        RoundTicket ticket = atWork;
        if (ticket == null) {
            return Optional.empty();
        }
        Optional<EventReporter> reporter = work.reporter();
        return Optional.of(new Status(
                ticket.command().roundId(),
                ticket.command().kind(),
                reporter.map(EventReporter::step).orElse(0),
                reporter.map(EventReporter::totalSteps).orElse(0)));
    }

    /** Rounds that wait for the one at work. */
    public int waiting() {
        return queue.size() + later.size();
    }

    /** Rounds that ended here, by outcome in lower case. */
    public Map<String, Long> ended() {
        Map<String, Long> ended = new HashMap<>();
        outcomes.forEach((outcome, count) -> ended.put(outcome.name().toLowerCase(java.util.Locale.ROOT), count.get()));
        return ended;
    }

    /**
     * Stops in good order: the round at work is left at a checkpoint, and nothing is lost. The group keeps this trainer's
     * partitions for it until the session ends (45 s): started again before, it goes on where its checkpoints are; one
     * that is scaled away hands them on after that time.
     */
    @Override
    public void close() {
        stopping = true;
        RoundTicket running = atWork;
        if (running != null) {
            running.abandon();
        }
        try {
            // Not interrupted: that would tear a checkpoint that is just being written.
            if (!workThread.join(STOP)) {
                workThread.interrupt();
                LOG.warn(
                        "the round at work did not stop within {} s; it goes on from its checkpoint", STOP.toSeconds());
            }
            if (!pollThread.join(STOP)) {
                LOG.warn("the reader of commands did not stop within {} s", STOP.toSeconds());
            }
            events.close();
            folder.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            LOG.warn("the work folder was not closed: {}", e.toString());
        }
    }

    // ---- work thread

    private void workUntilStopped() {
        while (!stopping) {
            RoundTicket ticket;
            try {
                ticket = queue.poll(POLL.toMillis(), TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                // Only close() interrupts.
                continue;
            }
            if (ticket == null) {
                pruneNowAndThen();
            } else if (ticket.begin()) {
                atWork = ticket;
                if (stopping) {
                    ticket.abandon();
                }
                RoundWork.Outcome outcome = RoundWork.Outcome.ABANDONED;
                try {
                    outcome = work.run(ticket);
                } catch (RuntimeException e) {
                    LOG.error(
                            "round {}: left at its last checkpoint",
                            ticket.command().roundId(),
                            e);
                } finally {
                    count(outcome);
                    atWork = null;
                    if (outcome != RoundWork.Outcome.ABANDONED) {
                        ticket.end();
                    } else {
                        ticket.abandon();
                    }
                    left.add(ticket);
                }
            }
        }
    }

    private void pruneNowAndThen() {
        if (!member) {
            // Which rounds wait for this trainer is not known while it reads no commands, nor in the hour after.
            prunedNanos = System.nanoTime();
        } else if (System.nanoTime() - prunedNanos > PRUNE_EVERY.toNanos()) {
            prunedNanos = System.nanoTime();
            folder.prune(tickets.keySet());
        }
    }

    private void count(RoundWork.Outcome outcome) {
        AtomicLong count = outcomes.get(outcome);
        if (count != null) {
            count.incrementAndGet();
        }
    }

    // ---- poll thread

    private void follow() {
        while (!stopping) {
            try (Consumer<byte[], byte[]> consumer = consumer()) {
                followUntilError(consumer);
            } catch (InterruptException e) {
                LOG.warn("the reader of commands was interrupted");
            } catch (KafkaException e) {
                LOG.warn("commands cannot be read, trying again: {}", e.toString());
            } catch (RuntimeException e) {
                LOG.error("reading commands failed, trying again", e);
            }
            member = false;
            offsets.clear();
            if (!stopping) {
                pause();
            }
        }
    }

    private void followUntilError(Consumer<byte[], byte[]> consumer) {
        consumer.subscribe(List.of(Topics.ROUND_COMMANDS), new Ownership(consumer));
        while (!stopping || workThread.isAlive()) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                take(record);
            }
            // Between a trainer and no partition at all stands only that others have them: it is ready all the same.
            member = !consumer.groupMetadata().memberId().isEmpty();
            settle(consumer);
            queueWhatHasWaited();
            if (queue.size() > MOST_WAITING) {
                consumer.pause(consumer.assignment());
            } else if (!consumer.paused().isEmpty()) {
                consumer.resume(consumer.paused());
            }
        }
        settle(consumer);
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        TopicPartition partition = new TopicPartition(record.topic(), record.partition());
        RoundCommand command;
        try {
            command = parse(record);
        } catch (InvalidEventException e) {
            LOG.error(
                    "a command cannot be read: {} ({}-{}@{})",
                    e.getMessage(),
                    record.topic(),
                    record.partition(),
                    record.offset());
            if (config.deadLetters()) {
                events.deadLetter(record, "invalid_command", String.valueOf(e.getMessage()), () -> stopping);
                failUnreadable(record, String.valueOf(e.getMessage()));
            }
            offsets.taken(partition, record.offset(), true);
            return;
        }
        switch (command) {
            case RoundCommand.StartRound start -> {
                CloudEvents.text(record.headers(), CloudEvents.TRACE_PARENT)
                        .flatMap(TraceParent::parse)
                        .ifPresent(trace -> config.traces().put(start.roundId(), trace));
                start(start, partition, record.offset());
            }
            case RoundCommand.CancelRound cancel -> {
                cancel(cancel);
                offsets.taken(partition, record.offset(), true);
            }
        }
    }

    private static RoundCommand parse(ConsumerRecord<byte[], byte[]> record) throws InvalidEventException {
        if (record.key() == null || record.value() == null) {
            throw new InvalidEventException("key or value is missing", null);
        }
        CloudEvents.requireVersion(record.headers(), 1);
        RoundCommand command = EventJson.read(record.value(), RoundCommand.class);
        String key = new String(record.key(), UTF_8);
        if (!key.equals(command.roundId())) {
            throw new InvalidEventException("the key is " + key + ", the round " + command.roundId(), null);
        }
        return command;
    }

    private void start(RoundCommand.StartRound command, TopicPartition partition, long offset) {
        if (!config.kinds().contains(command.kind())) {
            offsets.taken(partition, offset, true);
            return;
        }
        offsets.taken(partition, offset, false);
        RoundTicket known = tickets.get(command.roundId());
        if (known != null && !known.isAbandoned()) {
            // Triggered twice, or read again: the same round.
            known.positions().add(new RoundTicket.Position(partition, offset));
            return;
        }
        RoundTicket ticket = new RoundTicket(command);
        if (known != null) {
            // Left just now and not begun again yet: what it stands for ends with this one.
            ticket.positions().addAll(known.positions());
        }
        ticket.positions().add(new RoundTicket.Position(partition, offset));
        tickets.put(command.roundId(), ticket);
        queue.add(ticket);
    }

    private void cancel(RoundCommand.CancelRound cancel) {
        RoundTicket ticket = tickets.get(cancel.roundId());
        if (ticket == null) {
            return;
        }
        LOG.info("round {}: {} asks to cancel it", cancel.roundId(), cancel.requestedBy());
        ticket.cancel();
        // Before the queue is searched: a round that began meanwhile sees the flag.
        if (ticket.endInQueue()) {
            queue.remove(ticket);
            // Neither the poll thread, which must go on polling, nor the work thread, which may be busy for hours.
            thread("cancel").start(() -> endCancelled(ticket));
        }
    }

    /**
     * Tells that a round ended before it began here, however long Kafka takes, and removes what it left if it had begun
     * before: in another life of this process, or in another trainer.
     */
    private void endCancelled(RoundTicket ticket) {
        RoundCommand.StartRound command = ticket.command();
        while (!stopping && !ticket.isAbandoned()) {
            try {
                RoundState state = state(command);
                if (state.ended()) {
                    work.clear(command, state);
                } else {
                    RoundEvent event =
                            new RoundEvent.Cancelled(command.roundId(), command.projectId(), 0, clock.instant());
                    if (!events.tellSurely(event, () -> stopping || ticket.isAbandoned())) {
                        return;
                    }
                    work.discard(command);
                    count(RoundWork.Outcome.CANCELLED);
                }
                left.add(ticket);
                return;
            } catch (KafkaException e) {
                LOG.warn("round {}: its cancellation is not told yet: {}", command.roundId(), e.toString());
                pause();
            }
        }
    }

    private RoundState state(RoundCommand.StartRound command) {
        try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
            return PastEvents.of(reader, command).state();
        }
    }

    /** A round whose command nobody can read would seem to wait for ever; its id is the record's key. */
    private void failUnreadable(ConsumerRecord<byte[], byte[]> record, String message) {
        if (record.key() == null || record.value() == null) {
            return;
        }
        String roundId = new String(record.key(), UTF_8);
        try {
            JsonNode json = EventJson.tree(record.value());
            if (!json.path("type").asText().equals("StartRound")
                    || !json.path("roundId").asText().equals(roundId)) {
                return;
            }
            events.tellSurely(
                    new RoundEvent.Failed(
                            roundId,
                            json.path("projectId").asText(),
                            "invalid_command",
                            message + "; the command is in " + Topics.DEAD_LETTERS + ", trigger the round again",
                            clock.instant()),
                    () -> stopping);
        } catch (InvalidEventException | IllegalArgumentException e) {
            LOG.warn("no event can be written for a command with key {}: {}", roundId, e.getMessage());
        }
    }

    private static void pause() {
        try {
            Thread.sleep(RETRY_PAUSE);
        } catch (InterruptedException e) {
            LOG.debug("interrupted while waiting for Kafka");
        }
    }

    private void settle(Consumer<byte[], byte[]> consumer) {
        for (RoundTicket ticket = left.poll(); ticket != null; ticket = left.poll()) {
            if (!ticket.isAbandoned()) {
                ticket.positions().forEach(at -> offsets.done(at.partition(), at.offset()));
                tickets.remove(ticket.command().roundId(), ticket);
                config.traces().forget(ticket.command().roundId());
            } else if (!stopping && tickets.get(ticket.command().roundId()) == ticket) {
                retry(ticket);
            }
        }
        Map<TopicPartition, org.apache.kafka.clients.consumer.OffsetAndMetadata> commit = offsets.toCommit();
        if (!commit.isEmpty()) {
            try {
                consumer.commitSync(commit);
                offsets.committed(commit);
            } catch (InterruptException e) {
                throw e;
            } catch (KafkaException e) {
                // The rounds go on: nothing is lost but that a restart reads more commands again.
                LOG.warn("offsets are not committed yet: {}", e.getMessage());
            }
        }
    }

    /**
     * Left though nobody asked for it and the partition is still ours: begun again here, after a pause that grows, for what
     * stood in its way, such as a right to write that is missing, may last.
     */
    private void retry(RoundTicket ticket) {
        RoundTicket again = ticket.again(System.nanoTime(), RETRY_PAUSE, LONGEST_RETRY_PAUSE);
        tickets.put(ticket.command().roundId(), again);
        later.add(again);
    }

    private void queueWhatHasWaited() {
        long now = System.nanoTime();
        for (Iterator<RoundTicket> all = later.iterator(); all.hasNext(); ) {
            RoundTicket ticket = all.next();
            if (!ticket.isPending()) {
                all.remove();
            } else if (ticket.mayBegin(now)) {
                all.remove();
                queue.add(ticket);
            }
        }
    }

    /** Rounds of a partition that another trainer has now are left to it. */
    private final class Ownership implements ConsumerRebalanceListener {
        private final Consumer<byte[], byte[]> consumer;

        Ownership(Consumer<byte[], byte[]> consumer) {
            this.consumer = consumer;
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            LOG.info("{} reads commands of {} more partitions", config.trainer(), partitions.size());
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            try {
                settle(consumer);
            } finally {
                leave(partitions);
            }
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            leave(partitions);
        }

        private void leave(Collection<TopicPartition> partitions) {
            Iterator<RoundTicket> all = tickets.values().iterator();
            while (all.hasNext()) {
                RoundTicket ticket = all.next();
                ticket.positions().removeIf(at -> partitions.contains(at.partition()));
                if (ticket.positions().isEmpty()) {
                    if (ticket.isRunning() && config.publishing().store().isEmpty()) {
                        LOG.warn(
                                "round {}: another trainer has its partition now, and without podium.store.url it finds"
                                        + " no checkpoint: it begins at step 0",
                                ticket.command().roundId());
                    } else {
                        LOG.info(
                                "round {}: another trainer has its partition now",
                                ticket.command().roundId());
                    }
                    ticket.abandon();
                    if (ticket.endInQueue()) {
                        queue.remove(ticket);
                    }
                    all.remove();
                }
            }
            partitions.forEach(offsets::forget);
        }
    }

    /** Of the poll thread, which asks for it when the group spreads partitions anew. */
    private Set<Integer> partitionsAtWork() {
        return tickets.values().stream()
                .filter(RoundTicket::isRunning)
                .flatMap(ticket -> ticket.positions().stream())
                .map(position -> position.partition().partition())
                .collect(Collectors.toSet());
    }

    private Consumer<byte[], byte[]> consumer() {
        Map<String, Object> properties = new HashMap<>(config.kafka());
        properties.put(ConsumerConfig.GROUP_ID_CONFIG, config.groupId());
        // Stays with the work folder: after a restart the same commands come back at once, where the checkpoints are.
        properties.put(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, config.trainer() + "-" + folder.instanceId());
        properties.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, KeepingAssignor.class.getName());
        Supplier<Set<Integer>> atWork = this::partitionsAtWork;
        properties.put(KeepingAssignor.AT_WORK, atWork);
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
