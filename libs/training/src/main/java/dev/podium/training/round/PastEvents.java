package dev.podium.training.round;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the log already says of a round: commands arrive at least once, and the events tell what was done of them.
 *
 * @param terminal succeeded, failed or cancelled; empty: not ended
 */
record PastEvents(boolean accepted, Optional<RoundEvent> terminal) {
    private static final Logger LOG = LoggerFactory.getLogger(PastEvents.class);
    // Clocks of two machines differ; no event of a round is older than its command by more than this.
    private static final Duration CLOCK_SLACK = Duration.ofHours(1);

    /** Reads the events of a round, from the time of its command on. */
    static PastEvents of(BoundedReader reader, RoundCommand.StartRound command) {
        byte[] key = command.roundId().getBytes(UTF_8);
        TopicPartition partition = reader.partitionOf(Topics.ROUND_EVENTS, key);
        long end = reader.ends(java.util.Set.of(partition)).getOrDefault(partition, 0L);
        long from = reader.offsetAt(partition, command.at().minus(CLOCK_SLACK).toEpochMilli(), end);
        Collected collected = new Collected();
        reader.read(Map.of(partition, from), Map.of(partition, end), record -> {
            if (Arrays.equals(key, record.key()) && record.value() != null) {
                collected.add(record.headers(), record.value(), command.roundId());
            }
            return true;
        });
        return new PastEvents(collected.accepted, collected.terminal);
    }

    private static final class Collected {
        private boolean accepted;
        private Optional<RoundEvent> terminal = Optional.empty();

        void add(Headers headers, byte[] value, String roundId) {
            RoundEvent event;
            try {
                CloudEvents.requireVersion(headers, 1);
                event = EventJson.read(value, RoundEvent.class);
            } catch (InvalidEventException e) {
                LOG.warn("an event of round {} is left out: {}", roundId, e.getMessage());
                return;
            }
            switch (event) {
                case RoundEvent.Accepted a -> accepted = true;
                case RoundEvent.Started s -> accepted = true;
                case RoundEvent.Progress p -> {}
                case RoundEvent.Checkpointed c -> {}
                case RoundEvent.Succeeded s -> terminal = Optional.of(s);
                case RoundEvent.Failed f -> terminal = Optional.of(f);
                case RoundEvent.Cancelled c -> terminal = Optional.of(c);
            }
        }
    }
}
