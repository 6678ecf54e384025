package dev.podium.training.round;

import java.time.Duration;
import java.util.Optional;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidTxnTimeoutException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks Kafka and the object store again while they are away, however long: what a round has learnt is worth more than an
 * answer now, and a round that has failed is not taken up again.
 */
final class Patience {
    private static final Logger LOG = LoggerFactory.getLogger(Patience.class);
    private static final Duration PAUSE = Duration.ofSeconds(2);

    private Patience() {}

    /** What is asked of Kafka, or of the store. */
    interface Question<T> {
        T ask() throws RoundFailure, StoreAwayException;
    }

    /**
     * Asks until there is an answer; empty when the round is to be left.
     *
     * @throws RoundFailure {@code kafka_refused} for what no waiting mends
     */
    static <T> Optional<T> ask(RoundTicket ticket, Question<T> question) throws RoundFailure {
        while (true) {
            try {
                return Optional.of(question.ask());
            } catch (KafkaException e) {
                if (!pauseAfter(e, ticket)) {
                    return Optional.empty();
                }
            } catch (StoreAwayException e) {
                if (!pauseAfter(e, ticket)) {
                    return Optional.empty();
                }
            }
        }
    }

    /** Whether to try again. */
    static boolean pauseAfter(KafkaException problem, RoundTicket ticket) throws RoundFailure {
        if (problem instanceof InterruptException || ticket.isAbandoned()) {
            return false;
        }
        if (isRefusal(problem) || (problem.getCause() != null && isRefusal(problem.getCause()))) {
            throw new RoundFailure(
                    "kafka_refused",
                    "Kafka refuses what the trainer asks for: " + problem.getMessage()
                            + "; mend the rights or limits and trigger the round again",
                    problem);
        }
        LOG.warn(
                "round {}: Kafka does not answer, trying again: {}",
                ticket.command().roundId(),
                problem.toString());
        return pause();
    }

    /** The same for the store; here an operator who cancels is heard, for Kafka is there to tell of it. */
    static boolean pauseAfter(StoreAwayException problem, RoundTicket ticket) {
        if (ticket.mustStop()) {
            return false;
        }
        LOG.warn(
                "round {}: {}; trying again until the store answers or the round is cancelled",
                ticket.command().roundId(),
                problem.getMessage());
        return pause();
    }

    private static boolean pause() {
        try {
            Thread.sleep(PAUSE);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** What no waiting mends. */
    private static boolean isRefusal(Throwable problem) {
        return problem instanceof AuthorizationException
                || problem instanceof AuthenticationException
                || problem instanceof RecordTooLargeException
                || problem instanceof InvalidTxnTimeoutException
                || problem instanceof UnsupportedVersionException
                || problem instanceof ConfigException;
    }
}
