package dev.podium.local.command;

import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Tasks with a known answer, by which labelers are measured. */
@Command(name = "gold", description = "Tasks with a known answer: list, set, remove.")
final class GoldCommands {
    private final Session session;

    GoldCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists them, with how people answered.")
    int list(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "gold"), json.json, "taskId", "answers", "score", "addedBy", "prompt");
    }

    @Command(name = "set", description = "Gives a task a known answer, or another one.")
    int set(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "TASK") String task,
            @Option(names = "--order", required = true, description = OutputOrder.HELP) String order)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            OutputOrder outputs = new OutputOrder(api.get(Api.path("projects", project, "adjudication", task)));
            api.put(Api.path("projects", project, "gold", task), Map.of("groups", outputs.groups(order)), Map.of());
            return session.say("task " + task + " has a known answer; the project's goldShare says how often such tasks"
                    + " come");
        }
    }

    @Command(name = "remove", description = "Makes a task an ordinary one again; answers to it stay counted.")
    int remove(
            @Option(names = "--project", required = true) String project, @Parameters(paramLabel = "TASK") String task)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.delete(Api.path("projects", project, "gold", task)),
                "task " + task + " is an ordinary one again");
    }
}
