package dev.podium.training.round;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.CloudEvents;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundState;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the log already says of a round: commands arrive at least once, and the events tell what was done of them.
 *
 * @param state what the events make of it
 */
record PastEvents(RoundState state) {
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
        return new PastEvents(collected.state);
    }

    private static final class Collected {
        private RoundState state = RoundState.REQUESTED;

        void add(Headers headers, byte[] value, String roundId) {
            RoundEvent event;
            try {
                CloudEvents.requireVersion(headers, 1);
                event = EventJson.read(value, RoundEvent.class);
            } catch (InvalidEventException e) {
                LOG.warn("an event of round {} is left out: {}", roundId, e.getMessage());
                return;
            }
            switch (state.after(event)) {
                case RoundState.Taken taken -> state = taken.state();
                case RoundState.Refused refused ->
                    LOG.warn("an event of round {} is left out: {}", roundId, refused.why());
            }
        }
    }
}
