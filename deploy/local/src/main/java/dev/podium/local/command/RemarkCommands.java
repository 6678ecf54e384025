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

/** What labelers skipped and flagged. */
@Command(name = "remarks", description = "What labelers skipped and flagged: list, settle, offer-again.")
final class RemarkCommands {
    private final Session session;

    RemarkCommands(Session session) {
        this.session = session;
    }

    @Command(name = "list", description = "Lists them, the newest first.")
    int list(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--settled", description = "those that are settled, too") boolean settled,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "remarks") + "?settled=" + settled,
                json.json,
                "kind",
                "taskId",
                "labeler",
                "reason",
                "note",
                "at",
                "settledBy");
    }

    @Command(name = "settle", description = "Marks one as dealt with.")
    int settle(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "TASK") String task,
            @Parameters(paramLabel = "LABELER") String labeler,
            @Option(names = "--kind", required = true, description = "skip or flag") String kind)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.post(
                        Api.path("projects", project, "remarks", "settle"),
                        Map.of("taskId", task, "labeler", labeler, "kind", kind)),
                "the " + kind + " by " + labeler + " is settled");
    }

    @Command(name = "offer-again", description = "Offers a skipped task to its labeler again.")
    int offerAgain(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "TASK") String task,
            @Parameters(paramLabel = "LABELER") String labeler)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.post(
                        Api.path("projects", project, "remarks", "offer-again"),
                        Map.of("taskId", task, "labeler", labeler, "kind", "SKIP")),
                labeler + " may get task " + task + " again");
    }
}
