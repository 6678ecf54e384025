package dev.podium.local.check;

import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;

/** All checks on what is there now. */
public final class Checker {
    private Checker() {}

    /** What was found, and how many copies of events are in the log of rankings. */
    public record Result(List<Finding> findings, long copiesInTheLog) {
        public Result {
            findings = List.copyOf(findings);
        }

        /** Whether every check passed. */
        public boolean passed() {
            return findings.stream().allMatch(Finding::passed);
        }
    }

    /** Looks once; what is still on its way counts as missing. */
    public static Result look(Evidence evidence) throws IOException, SQLException {
        try (Connection database =
                DriverManager.getConnection(evidence.jdbcUrl(), evidence.username(), evidence.password())) {
            TaskChecks tasks = new TaskChecks(evidence);
            RankingChecks rankings = new RankingChecks(evidence);
            AdapterChecks adapters = new AdapterChecks(evidence);
            return new Result(
                    List.of(
                            tasks.inTheLog(database),
                            tasks.ofSamples(),
                            rankings.inPostgres(database),
                            rankings.outboxIsEmpty(database),
                            rankings.inTheLog(),
                            rankings.weights(database),
                            rankings.sets(),
                            rankings.labelers(),
                            rankings.totals(),
                            rankings.deadLetters(),
                            adapters.rounds(database),
                            adapters.failures(),
                            adapters.verifiable(),
                            adapters.signed(),
                            adapters.pointersSigned(),
                            adapters.channel(database)),
                    rankings.copiesInTheLog());
        }
    }
}
