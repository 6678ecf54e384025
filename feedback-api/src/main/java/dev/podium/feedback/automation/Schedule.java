package dev.podium.feedback.automation;

import com.cronutils.model.CronType;
import com.cronutils.model.definition.CronDefinitionBuilder;
import com.cronutils.model.time.ExecutionTime;
import com.cronutils.parser.CronParser;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** When a rule is due by the clock. */
final class Schedule {
    private final Optional<Duration> every;
    private final Optional<ExecutionTime> cron;
    private final ZoneId zone;

    private Schedule(Optional<Duration> every, Optional<ExecutionTime> cron, ZoneId zone) {
        this.every = every;
        this.cron = cron;
        this.zone = zone;
    }

    /** @throws RuntimeException when an expression cannot be read */
    static Schedule of(Rule.When when) {
        @Nullable String expression = when.cron();
        return new Schedule(
                Optional.ofNullable(when.every()).map(Duration::parse),
                expression == null
                        ? Optional.empty()
                        : Optional.of(ExecutionTime.forCron(
                                new CronParser(CronDefinitionBuilder.instanceDefinitionFor(CronType.UNIX))
                                        .parse(expression)
                                        .validate())),
                when.zone() == null ? ZoneId.of("UTC") : ZoneId.of(when.zone()));
    }

    /** The first time after another at which the rule is due; empty where the clock starts nothing. */
    Optional<Instant> next(Instant after) {
        Optional<Instant> byInterval = every.map(after::plus);
        Optional<Instant> byCron = cron.flatMap(times -> times.nextExecution(ZonedDateTime.ofInstant(after, zone)))
                .map(ZonedDateTime::toInstant);
        if (byInterval.isPresent() && byCron.isPresent()) {
            return byInterval.get().isBefore(byCron.get()) ? byInterval : byCron;
        }
        return byInterval.or(() -> byCron);
    }
}
