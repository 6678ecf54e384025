package dev.podium.local.command;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackState;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Says whether the stack runs and which applications are ready. */
@Command(name = "status", description = "Says what runs; exit code 1 when not everything is ready.")
final class StatusCommand implements Callable<Integer> {
    private final Session session;

    @Mixin
    private JsonOption json = new JsonOption();

    StatusCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws StackException, IOException, InterruptedException {
        Optional<StackState> state = StackState.running(session.folder());
        if (state.isEmpty()) {
            if (json.json) {
                session.out().println("{\"running\":false}");
            } else {
                session.out().println("not running (" + session.folder().home() + "); start it by ./podium up");
            }
            return 1;
        }
        Map<String, Boolean> ready = new TreeMap<>();
        try (HttpClient client = HttpClient.newHttpClient()) {
            for (Map.Entry<String, Integer> application :
                    state.get().applications().entrySet()) {
                ready.put(application.getKey(), isReady(client, application.getValue()));
            }
        }
        print(state.get(), ready);
        return ready.containsValue(false) ? 1 : 0;
    }

    private void print(StackState state, Map<String, Boolean> ready) {
        if (json.json) {
            ObjectNode answer = new ObjectMapper().createObjectNode();
            answer.put("running", true).put("url", state.url()).put("pid", state.pid());
            ObjectNode applications = answer.putObject("ready");
            ready.forEach(applications::put);
            session.printJson(answer);
            return;
        }
        session.out().println(state.url() + "  (launcher " + state.pid() + ")");
        ready.forEach((name, isReady) -> session.out()
                .printf(
                        "  %-16s %-9s http://localhost:%d%n",
                        name,
                        isReady ? "ready" : "NOT READY",
                        state.applications().get(name)));
        session.out().println("  Kafka            " + state.bootstrapServers());
        session.out().println("  PostgreSQL       " + state.jdbcUrl());
    }

    private static boolean isReady(HttpClient client, int port) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/q/health/ready"))
                .timeout(Duration.ofSeconds(5))
                .build();
        try {
            return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }
}
