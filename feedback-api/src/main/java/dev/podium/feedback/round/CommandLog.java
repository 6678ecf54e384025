package dev.podium.feedback.round;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.Topics;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.feedback.kafka.KafkaAccess;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/** Commands of rounds, as the topic keeps them for ever: the table of rounds has only what pages need. */
@Singleton
class CommandLog {
    // Clocks of two machines differ.
    private static final Duration SLACK = Duration.ofHours(1);

    private final KafkaAccess kafka;

    CommandLog(KafkaAccess kafka) {
        this.kafka = kafka;
    }

    /** The command that started a round; not inside a transaction, because Kafka may be slow. */
    RoundCommand.StartRound find(String roundId, Instant requestedAt) {
        byte[] key = roundId.getBytes(UTF_8);
        RoundCommand.StartRound[] found = {null};
        try (BoundedReader reader = kafka.reader()) {
            TopicPartition partition = reader.partitionOf(Topics.ROUND_COMMANDS, key);
            long end = reader.ends(Set.of(partition)).getOrDefault(partition, 0L);
            long from = reader.offsetAt(partition, requestedAt.minus(SLACK).toEpochMilli(), end);
            reader.read(Map.of(partition, from), Map.of(partition, end), record -> {
                if (Arrays.equals(key, record.key()) && record.value() != null) {
                    start(record.value()).ifPresent(command -> found[0] = command);
                }
                return found[0] == null;
            });
        } catch (KafkaException e) {
            throw new Refusal(503, "kafka_away", "The round's command cannot be read now: " + e.getMessage());
        }
        if (found[0] == null) {
            throw Refusal.unprocessable(
                    "command_not_found",
                    "The command of round " + roundId + " is not in " + Topics.ROUND_COMMANDS
                            + " (yet); start a new round with its configuration instead.");
        }
        return found[0];
    }

    private static Optional<RoundCommand.StartRound> start(byte[] value) {
        try {
            return EventJson.read(value, RoundCommand.class) instanceof RoundCommand.StartRound command
                    ? Optional.of(command)
                    : Optional.empty();
        } catch (InvalidEventException e) {
            return Optional.empty();
        }
    }
}
