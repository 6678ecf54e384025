package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** What waits. */
@Command(name = "operations", description = "Outbox, consumer lag, number of dead letters.")
final class OperationsCommand implements Callable<Integer> {
    private final Session session;

    @Mixin
    private JsonOption json = new JsonOption();

    OperationsCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws Exception {
        try (Api api = session.api()) {
            JsonNode state = api.get("/operations");
            if (json.json) {
                session.printJson(state);
                return 0;
            }
            session.out()
                    .println("outbox: " + state.path("outboxRows").asLong() + " events wait, the oldest for "
                            + Math.round(state.path("outboxAgeSeconds").asDouble()) + " s; "
                            + state.path("outboxRefused").asLong() + " refused by Kafka");
            session.out().println("dead letters: " + state.path("deadLetters").asLong());
            if (state.path("kafkaProblem").isTextual()) {
                session.err().println("podium: " + state.path("kafkaProblem").asText());
                return 1;
            }
            session.printTable(state.path("lags"), "group", "topic", "records");
            return 0;
        }
    }
}
