package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Where the work of people who rank has gone. */
@Command(name = "labelers", description = "Labelers: weigh, pause, exclude; the adapters that learnt from one.")
final class LabelerCommands {
    private final Session session;

    LabelerCommands(Session session) {
        this.session = session;
    }

    @Command(
            name = "affected",
            description = "Lists the adapters that learnt from a labeler, directly or through one another.")
    int affected(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode adapters = api.get(Api.path("projects", project, "labelers", labeler, "adapters"));
            if (json.json) {
                session.printJson(adapters);
            } else if (adapters.isEmpty()) {
                session.out().println("no adapter of " + project + " learnt from " + labeler);
            } else {
                session.printTable(adapters, "version", "kind", "rankings", "through");
            }
            return 0;
        }
    }

    @Command(
            name = "exclude",
            description = "Takes back all rankings of a labeler, takes no new ones, and lists the adapters that learnt"
                    + " from them.")
    int exclude(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler,
            @Option(names = "--reason", required = true) String reason,
            @Option(names = "--rerun", description = "run the rounds of those adapters again, without the labeler")
                    boolean rerun,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode exclusion = api.put(
                    Api.path("projects", project, "labelers", labeler, "exclusion"),
                    Map.of("reason", reason),
                    Map.of());
            while (!exclusion.path("finished").asBoolean()) {
                // Taking back some hundred thousand rankings goes on behind the request.
                session.err().println(exclusion.path("retracted").asLong() + " rankings are taken back so far");
                exclusion = api.put(
                        Api.path("projects", project, "labelers", labeler, "exclusion"),
                        Map.of("reason", reason),
                        Map.of());
            }
            JsonNode affected = api.get(Api.path("projects", project, "labelers", labeler, "adapters"));
            JsonNode planned = rerun && !affected.isEmpty()
                    ? api.post(Api.path("projects", project, "labelers", labeler, "rounds-again"), Map.of())
                    : new ObjectMapper().createArrayNode();
            if (json.json) {
                ObjectNode all = new ObjectMapper().createObjectNode();
                all.set("exclusion", exclusion);
                all.set("affected", affected);
                all.set("planned", planned);
                session.printJson(all);
                return 0;
            }
            session.out()
                    .println(labeler + " is excluded from " + project + ", "
                            + exclusion.path("retracted").asLong() + " rankings are taken back");
            if (affected.isEmpty()) {
                session.out().println("no adapter learnt from them");
            } else {
                session.out().println("these adapters learnt from them:");
                session.printTable(affected, "version", "kind", "rankings", "through");
                session.out()
                        .println(
                                rerun
                                        ? planned.size() + " rounds are planned; see ./podium round planned --project "
                                                + project
                                        : "run their rounds again without them: ./podium labelers rerun " + labeler
                                                + " --project " + project);
            }
            session.out().flush();
            return 0;
        }
    }

    @Command(name = "rerun", description = "Runs the rounds again whose adapters learnt from an excluded labeler.")
    int rerun(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode planned = api.post(Api.path("projects", project, "labelers", labeler, "rounds-again"), Map.of());
            return session.show(planned, json.json, "step", "kind", "rerunOf", "reason");
        }
    }

    @Command(name = "excluded", description = "Lists the labelers who are excluded from a project.")
    int excluded(@Option(names = "--project", required = true) String project, @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        return session.list(
                Api.path("projects", project, "exclusions"),
                json.json,
                "labeler",
                "retracted",
                "finished",
                "excludedBy",
                "excludedAt",
                "reason");
    }

    @Command(name = "readmit", description = "Lets an excluded labeler rank again; what was taken back stays so.")
    int readmit(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.delete(Api.path("projects", project, "labelers", labeler, "exclusion")),
                labeler + " may rank in " + project + " again");
    }

    @Command(name = "weights", description = "Lists what votes weigh, and what an estimate would say now.")
    int weights(
            @Option(names = "--project", required = true) String project,
            @Option(names = "--publish", description = "publish the estimates first; weights set by hand stay")
                    boolean publish,
            @Mixin JsonOption json)
            throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            String path = Api.path("projects", project, "reliabilities");
            JsonNode weights = publish ? api.post(path, Map.of()) : api.get(path);
            return session.show(
                    weights, json.json, "labelerId", "votes", "eta", "estimate", "reliability", "source", "reason");
        }
    }

    @Command(name = "weigh", description = "Sets what a labeler's votes weigh by hand; estimates leave it alone.")
    int weigh(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler,
            @Parameters(paramLabel = "WEIGHT", description = "0: votes do not count; 1: as usual") double weight,
            @Option(names = "--reason", defaultValue = "") String reason)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.put(
                        Api.path("projects", project, "labelers", labeler, "reliability"),
                        Map.of("reliability", weight, "reason", reason),
                        Map.of()),
                "the votes of " + labeler + " weigh " + weight);
    }

    @Command(name = "unweigh", description = "Takes a weight set by hand back: 1 until the next estimate.")
    int unweigh(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.delete(Api.path("projects", project, "labelers", labeler, "reliability")),
                "the votes of " + labeler + " weigh 1 until the next estimate");
    }

    @Command(name = "pause", description = "Gives a labeler no more tasks until they may go on; they see the reason.")
    int pause(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler,
            @Option(names = "--reason", required = true) String reason)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.put(
                        Api.path("projects", project, "labelers", labeler, "pause"),
                        Map.of("reason", reason),
                        Map.of()),
                labeler + " is paused in " + project);
    }

    @Command(name = "resume", description = "Lets a labeler go on.")
    int resume(
            @Option(names = "--project", required = true) String project,
            @Parameters(paramLabel = "LABELER") String labeler)
            throws ApiException, StackException, IOException {
        return session.act(
                api -> api.delete(Api.path("projects", project, "labelers", labeler, "pause")),
                labeler + " may go on in " + project);
    }
}
