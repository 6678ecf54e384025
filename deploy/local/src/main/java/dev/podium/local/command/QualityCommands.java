package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How far a project's work can be trusted, and the tasks on which somebody has to decide. */
@Command(
        name = "quality",
        description = "Quality of the work: agreement, labelers, position bias, tasks to decide, scores of a model.")
final class QualityCommands {
    private final Session session;

    QualityCommands(Session session) {
        this.session = session;
    }

    @Command(name = "show", description = "Shows agreement with its intervals, and each labeler.")
    int show(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode report = api.get(Api.path("projects", project, "quality"));
            if (json.json) {
                session.printJson(report);
                return 0;
            }
            session.out().println("of the newest " + report.path("rankings").asLong() + " rankings:");
            figure(report, "krippendorffAlpha", "Krippendorff's alpha, ordinal");
            figure(report, "kendallTauB", "Kendall's tau-b");
            figure(report, "kendallW", "Kendall's W");
            session.out().println();
            session.printTable(
                    report.path("labelers"),
                    "labelerId",
                    "rankings",
                    "goldAnswers",
                    "goldScore",
                    "reliability",
                    "paused",
                    "pauseReason");
            return 0;
        }
    }

    private void figure(JsonNode report, String name, String words) {
        JsonNode figure = report.path(name);
        session.out()
                .println(
                        figure.path("value").isNumber()
                                ? String.format(
                                        java.util.Locale.ROOT,
                                        "%s: %.3f (95%%: %.3f to %.3f, %d tasks)",
                                        words,
                                        figure.path("value").asDouble(),
                                        figure.path("low").asDouble(),
                                        figure.path("high").asDouble(),
                                        figure.path("n").asInt())
                                : words + ": no task has two answers yet");
    }

    @Command(name = "bias", description = "Tells whether the place on the screen sways labelers.")
    int bias(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode report = api.get(Api.path("projects", project, "position-bias"));
            if (json.json) {
                session.printJson(report);
            } else {
                session.printTable(
                        report.path("labelers"),
                        "labeler",
                        "rankings",
                        "share",
                        "expected",
                        "adjusted",
                        "winsByPosition",
                        "biased");
            }
            return 0;
        }
    }

    @Command(name = "cases", description = "Lists the tasks without a majority.")
    int cases(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "adjudication"), json.json, "taskId", "rankings", "cycle", "prompt");
    }

    @Command(name = "task", description = "Shows a task with all answers to it, the votes and the decision.")
    int task(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "TASK") String task,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode one = api.get(Api.path("projects", project, "adjudication", task));
            if (json.json) {
                session.printJson(one);
                return 0;
            }
            one.path("prompt")
                    .forEach(turn -> session.out()
                            .println(turn.path("id").asText() + ": "
                                    + turn.path("text").asText()));
            OutputOrder order = new OutputOrder(one);
            for (int i = 0; i < one.path("outputs").size(); i++) {
                session.out()
                        .println("\n[" + (i + 1) + "] "
                                + one.path("outputs").path(i).path("text").asText());
            }
            session.out().println();
            for (JsonNode answer : one.path("answers")) {
                session.out()
                        .println(answer.path("labelerId").asText() + ": " + order.words(answer.path("groups"))
                                + (answer.path("comment").isTextual()
                                        ? "  (" + answer.path("comment").asText() + ")"
                                        : ""));
            }
            session.out()
                    .println("by " + one.path("aggregate").path("method").asText() + ": "
                            + order.words(one.path("aggregate").path("groups")));
            if (one.path("decision").isObject()) {
                session.out()
                        .println("decided by "
                                + one.path("decision").path("adjudicatorId").asText() + ": "
                                + order.words(one.path("decision").path("groups")));
            }
            session.out().flush();
            return 0;
        }
    }

    @Command(name = "decide", description = "Decides a task; whoever has ranked it cannot.")
    int decide(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "TASK") String task,
            @Option(names = "--order", required = true, description = OutputOrder.HELP) String order,
            @Option(names = "--reason") Optional<String> reason)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            String path = Api.path("projects", project, "adjudication", task);
            Map<String, Object> body = new HashMap<>(Map.of("groups", new OutputOrder(api.get(path)).groups(order)));
            reason.ifPresent(text -> body.put("reason", text));
            api.put(path, body, Map.of());
            return session.say("task " + task + " is decided");
        }
    }

    @Command(name = "undecide", description = "Takes a decision back; the votes count again.")
    int undecide(
            @Option(names = "--project", required = true) String project, @Parameters(paramLabel = "TASK") String task)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.delete(Api.path("projects", project, "adjudication", task)),
                "the votes of task " + task + " count again");
    }

    @Command(name = "retract", description = "Takes one ranking of a labeler back.")
    int retract(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "TASK") String task,
            @Parameters(paramLabel = "LABELER") String labeler)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.delete(
                        Api.path("projects", project, "tasks", task, "ranking") + "?labeler="
                                + Api.path(labeler).substring(1),
                        Map.of("Idempotency-Key", UUID.randomUUID().toString())),
                "the ranking of " + labeler + " is taken back");
    }

    @Command(
            name = "scores",
            description = "Gives what a model says of outputs, so that labelers are asked where it is least sure.")
    int scores(
            @Option(names = "--project", required = true) String project,
            @Parameters(
                            paramLabel = "FILE",
                            description =
                                    "JSON: {\"source\", \"tasks\": [{\"taskId\", \"scores\": {output: {\"mean\", \"spread\"}}}]}")
                    Path file)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode taken =
                    api.post(Api.path("projects", project, "scores"), session.readJson(Files.readString(file)));
            return session.say(taken.path("tasks").asLong() + " tasks have scores now");
        }
    }
}
