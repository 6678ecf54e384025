package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Two adapters in the judgement of people who do not know which is which. */
@Command(
        name = "ab",
        description =
                "Compares two adapters by what labelers say of their outputs to the same prompts; may be looked at"
                        + " at any time.")
final class AbCommand implements Callable<Integer> {
    private final Session session;

    @Parameters(index = "0", paramLabel = "A", description = "a version, or 'base'")
    private String a = "";

    @Parameters(index = "1", paramLabel = "B", description = "another")
    private String b = "";

    @Option(names = "--project", required = true)
    private String project = "";

    @Option(names = "--alpha", defaultValue = "0.05", description = "probability of a wrong verdict; ${DEFAULT-VALUE}")
    private double alpha;

    @Mixin
    private JsonOption json = new JsonOption();

    AbCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws ApiException, StackException, IOException {
        try (Api api = session.api()) {
            JsonNode report = api.get(Api.path("projects", project, "ab", a, b) + "?alpha=" + alpha);
            if (json.json) {
                session.printJson(report);
            } else {
                session.out().println(words(report));
                session.out().flush();
            }
            return 0;
        }
    }

    private static String words(JsonNode report) {
        int tasks = report.path("tasks").asInt();
        int waiting = report.path("waiting").asInt();
        String more = waiting == 0 ? "" : "; " + waiting + " more wait for rankings";
        if (tasks == 0) {
            return "no task with outputs of both has all its rankings yet" + more
                    + ". A SAMPLE round that mixes both makes such tasks.";
        }
        String a = report.path("a").asText();
        String b = report.path("b").asText();
        String verdict =
                switch (report.path("verdict").asText()) {
                    case "A_BETTER" ->
                        a + " is better (after " + report.path("decidedAt").asInt() + " tasks)";
                    case "B_BETTER" ->
                        b + " is better (after " + report.path("decidedAt").asInt() + " tasks)";
                    default -> "undecided: more rankings may tell";
                };
        return String.format(
                Locale.ROOT,
                "%s against %s: %d tasks won, %d tied, %d lost%s%n"
                        + "win rate %.1f %%, between %.1f and %.1f %% with %s %% confidence whenever you look; p = %.3g%n%s",
                a,
                b,
                report.path("wins").asInt(),
                report.path("ties").asInt(),
                report.path("losses").asInt(),
                more,
                100 * report.path("winRate").asDouble(),
                100 * report.path("lower").asDouble(),
                100 * report.path("upper").asDouble(),
                // 95, not 95.0; 99.9 where that is meant.
                new DecimalFormat("0.####", DecimalFormatSymbols.getInstance(Locale.ROOT))
                        .format(100 * report.path("confidence").asDouble()),
                report.path("pValue").asDouble(),
                verdict);
    }
}
