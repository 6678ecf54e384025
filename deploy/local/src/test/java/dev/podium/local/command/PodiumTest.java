package dev.podium.local.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line against a server that writes down what it is asked. */
class PodiumTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final List<String> requests = new ArrayList<>();
    private final Map<String, String> answers = new HashMap<>();
    private HttpServer server;

    @BeforeEach
    void startServer() throws Exception {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            String call = exchange.getRequestMethod() + " " + exchange.getRequestURI();
            requests.add(call + (body.isEmpty() ? "" : " " + body));
            String answer = answers.getOrDefault(call, "404 {\"code\":\"not_found\",\"detail\":\"there is none\"}");
            byte[] bytes = answer.substring(4).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(Integer.parseInt(answer.substring(0, 3)), bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stopServer() {
        server.stop(0);
    }

    @Test
    void importCreatesTheProjectWhenItIsNew() throws Exception {
        Path file = Files.writeString(folder.resolve("a.jsonl"), "{\"prompt\":\"p\"}\n");
        answers.put("POST /api/v1/projects", "201 {}");
        answers.put(
                "POST /api/v1/projects/oasst/import?format=auto&partial=false",
                "200 {\"format\":\"oasst\",\"tasks\":3,\"rankings\":2,\"duplicates\":0,\"skipped\":1,\"errors\":[]}");

        int status = run("import", file.toString(), "--project", "oasst");

        assertEquals(0, status, err.toString());
        assertEquals("GET /api/v1/projects/oasst", requests.get(0));
        assertTrue(requests.get(1).contains("\"id\":\"oasst\""), requests.toString());
        assertTrue(requests.get(2).endsWith("{\"prompt\":\"p\"}\n"), requests.toString());
        assertEquals(
                "oasst: 3 tasks, 2 rankings, 0 duplicates, 1 skipped",
                out.toString().strip());
    }

    @Test
    void theLocalOperatorsPasswordGoesToThisMachineOnly() throws Exception {
        Files.writeString(
                folder.resolve("operator.json"),
                "{\"url\":\"http://localhost:1\",\"user\":\"operator\",\"password\":\"secret\"}");
        int status = runWith(
                Map.of("PODIUM_HOME", folder.toString(), "PODIUM_URL", "http://podium.example:8080"),
                "round",
                "list",
                "--project",
                "p");
        assertEquals(1, status);
        assertTrue(err.toString().contains("no log-in for http://podium.example:8080"), err.toString());
        assertTrue(requests.isEmpty());
    }

    @Test
    void theLocalOperatorsNewPasswordIsTheCommandLinesFromThenOn() throws Exception {
        String url = "http://localhost:" + server.getAddress().getPort();
        Path operator = Files.writeString(
                folder.resolve("operator.json"),
                "{\"url\":\"" + url + "\",\"user\":\"operator\",\"password\":\"old\"}");
        answers.put("PUT /api/v1/users/operator/password", "200 {\"password\":\"new\"}");
        answers.put("PUT /api/v1/users/ann/password", "200 {\"password\":\"hers\"}");
        Map<String, String> local = Map.of("PODIUM_HOME", folder.toString());

        assertEquals(0, runWith(local, "user", "password", "ann"), err.toString());
        assertTrue(Files.readString(operator).contains("\"old\""), Files.readString(operator));
        assertEquals(0, runWith(local, "user", "password", "operator"), err.toString());

        assertTrue(out.toString().contains("password: new"), out.toString());
        assertTrue(Files.readString(operator).contains("\"new\""), Files.readString(operator));
        assertEquals("new", Files.readString(folder.resolve("operator-password")), "the next start of the stack");
    }

    @Test
    void anotherPodiumsOperatorIsNotTheLocalOne() throws Exception {
        Path operator = Files.writeString(
                folder.resolve("operator.json"),
                "{\"url\":\"http://localhost:1\",\"user\":\"operator\",\"password\":\"old\"}");
        answers.put("PUT /api/v1/users/operator/password", "200 {\"password\":\"new\"}");

        assertEquals(0, run("user", "password", "operator"), err.toString());

        assertTrue(Files.readString(operator).contains("\"old\""), Files.readString(operator));
    }

    @Test
    void halfALogInIsRefused() {
        int status = runWith(
                Map.of("PODIUM_HOME", folder.toString(), "PODIUM_USER", "ann"), "round", "list", "--project", "p");
        assertEquals(1, status);
        assertTrue(err.toString().contains("PODIUM_PASSWORD is not set"), err.toString());
    }

    @Test
    void aFolderThatNoDemoHasMadeIsNotEmptied() throws Exception {
        // As a real stack leaves it.
        Files.writeString(folder.resolve("operator-password"), "secret");
        Files.createFile(folder.resolve("lock"));
        int status = runWith(Map.of(), "demo", "--folder", folder.toString());
        assertEquals(1, status);
        assertTrue(err.toString().contains("was not made by a demo"), err.toString());
        assertTrue(Files.exists(folder.resolve("operator-password")));
    }

    @Test
    void peopleAreAddedWithTheProjectsWhereTheirRoleHolds() {
        answers.put("POST /api/v1/users", "201 {}");
        answers.put("PUT /api/v1/projects/p/members/ann", "200 {}");
        assertEquals(0, run("user", "add", "ann", "--project", "p", "--project", "all"), err.toString());
        assertTrue(requests.getFirst().contains("\"projects\":[\"p\",\"*\"]"), requests.toString());
        assertEquals(0, run("member", "add", "ann", "--project", "p", "--role", "operator"), err.toString());
        assertEquals("PUT /api/v1/projects/p/members/ann {\"role\":\"operator\"}", requests.getLast());
    }

    @Test
    void ordersAreWrittenByNumberAndSentByOutput() {
        answers.put(
                "GET /api/v1/projects/p/adjudication/t",
                "200 {\"prompt\":[{\"id\":\"user\",\"text\":\"Hi?\"}],\"outputs\":[{\"id\":\"x\",\"text\":\"one\"},"
                        + "{\"id\":\"y\",\"text\":\"two\"},{\"id\":\"z\",\"text\":\"three\"}],\"answers\":[{\"labelerId\":"
                        + "\"ann\",\"groups\":[[\"z\"],[\"x\",\"y\"]]}],\"aggregate\":{\"method\":\"majority\",\"groups\":"
                        + "[[\"z\"],[\"x\",\"y\"]]}}");
        answers.put("PUT /api/v1/projects/p/adjudication/t", "204 ");
        answers.put("PUT /api/v1/projects/p/gold/t", "204 ");
        answers.put("DELETE /api/v1/projects/p/tasks/t/ranking?labeler=ann%20b", "200 {}");
        assertEquals(0, run("quality", "task", "t", "--project", "p"), err.toString());
        assertTrue(out.toString().contains("ann: 3 > 1 = 2"), out.toString());
        assertEquals(
                0,
                run("quality", "decide", "t", "--project", "p", "--order", "2 > 1=3", "--reason", "clear"),
                err.toString());
        assertTrue(
                requests.getLast().contains("\"groups\":[[\"y\"],[\"x\",\"z\"]]")
                        && requests.getLast().contains("\"reason\":\"clear\""),
                requests.getLast());
        assertEquals(0, run("gold", "set", "t", "--project", "p", "--order", "3>2>1"), err.toString());
        assertEquals("PUT /api/v1/projects/p/gold/t {\"groups\":[[\"z\"],[\"y\"],[\"x\"]]}", requests.getLast());
        assertEquals(0, run("quality", "retract", "t", "ann b", "--project", "p"), err.toString());
        assertEquals(1, run("gold", "set", "t", "--project", "p", "--order", "4 > 1"));
        assertTrue(err.toString().contains("'4' is no output of this task; it has 1 to 3"), err.toString());
    }

    private int runWith(Map<String, String> environment, String... arguments) {
        return Podium.run(new Session(environment, new PrintWriter(out, true), new PrintWriter(err, true)), arguments);
    }

    @Test
    void linesOfABadFileAreNamed() throws Exception {
        Path file = Files.writeString(folder.resolve("a.jsonl"), "{");
        answers.put("GET /api/v1/projects/p", "200 {}");
        answers.put(
                "POST /api/v1/projects/p/import?format=auto&partial=false",
                "422 {\"format\":\"podium\",\"tasks\":0,\"errors\":[{\"line\":501,\"code\":\"x\",\"message\":\"no prompt\"}]}");

        int status = run("import", file.toString(), "--project", "p");

        assertEquals(1, status);
        assertTrue(err.toString().contains("line 501: no prompt"), err.toString());
    }

    @Test
    void settingsOfARoundBecomeItsConfiguration() {
        answers.put("POST /api/v1/projects/p/rounds", "201 {\"id\":\"r1\",\"version\":\"v2\"}");

        int status = run(
                "round",
                "start",
                "dpo",
                "--project",
                "p",
                "--set",
                "training.epochs=2",
                "--set",
                "loss=sigmoid",
                "--adapter",
                "v1",
                "--json");

        assertEquals(0, status, err.toString());
        assertEquals(
                "POST /api/v1/projects/p/rounds {\"kind\":\"DPO\",\"config\":{\"training\":{\"epochs\":2},"
                        + "\"loss\":\"sigmoid\"},\"initialAdapter\":\"v1\"}",
                requests.getFirst());
        assertEquals("{\"id\":\"r1\",\"version\":\"v2\"}", out.toString().strip());
    }

    @Test
    void aRoundsConfigurationIsAYamlDocumentThatCanBeSentBack(@TempDir Path folder) throws Exception {
        assertEquals(0, run("round", "config", "dpo"), err.toString());
        String document = out.toString();
        assertTrue(document.contains("loss: \"sigmoid\""), document);
        Path file = Files.writeString(folder.resolve("dpo.yaml"), document.replace("sigmoid", "ipo"));
        answers.put("POST /api/v1/projects/p/rounds", "201 {\"id\":\"r-1\",\"version\":\"v1\"}");

        assertEquals(0, run("round", "start", "DPO", "--project", "p", "--config", "@" + file), err.toString());
        String sent = requests.getLast();
        assertTrue(sent.contains("\"loss\":\"ipo\"") && sent.contains("\"learningRate\":5.0E-6"), sent);
    }

    @Test
    void roundThatFailedIsAnExitCodeAndAReason() {
        answers.put(
                "GET /api/v1/rounds/r1",
                "200 {\"id\":\"r1\",\"state\":\"FAILED\",\"error\":{\"code\":\"no_data\",\"message\":\"no pairs\"}}");

        assertEquals(1, run("round", "show", "r1", "--follow"));

        assertTrue(err.toString().contains("no pairs (no_data)"), err.toString());
    }

    @Test
    void excludingALabelerNamesWhatLearntFromThemAndHowToMakeItAgain() {
        answers.put(
                "PUT /api/v1/projects/p/labelers/mallory/exclusion",
                "200 {\"labeler\":\"mallory\",\"retracted\":12,\"finished\":true}");
        answers.put(
                "GET /api/v1/projects/p/labelers/mallory/adapters",
                "200 [{\"version\":\"v1\",\"kind\":\"POLICY\",\"rankings\":6,\"through\":[]}]");

        assertEquals(
                0, run("labelers", "exclude", "mallory", "--project", "p", "--reason", "blind clicks"), err.toString());

        assertTrue(requests.getFirst().endsWith("{\"reason\":\"blind clicks\"}"), requests.toString());
        assertTrue(out.toString().contains("12 rankings are taken back"), out.toString());
        assertTrue(out.toString().contains("./podium labelers rerun mallory --project p"), out.toString());
        assertEquals(2, requests.size(), "nothing is run again unless asked for");
    }

    @Test
    void anAbTestIsTwoLinesAndAVerdict() {
        answers.put(
                "GET /api/v1/projects/p/ab/v2/base?alpha=0.05",
                "200 {\"a\":\"v2\",\"b\":\"base\",\"tasks\":60,\"waiting\":1,\"wins\":40,\"ties\":10,\"losses\":10,"
                        + "\"winRate\":0.75,\"lower\":0.55,\"upper\":0.89,\"confidence\":0.95,\"pValue\":0.001,"
                        + "\"decidedAt\":41,\"verdict\":\"A_BETTER\"}");

        assertEquals(0, run("ab", "v2", "base", "--project", "p"), err.toString());

        assertEquals(
                List.of(
                        "v2 against base: 40 tasks won, 10 tied, 10 lost; 1 more wait for rankings",
                        "win rate 75.0 %, between 55.0 and 89.0 % with 95 % confidence whenever you look; p = 0.00100",
                        "v2 is better (after 41 tasks)"),
                out.toString().lines().toList());
    }

    @Test
    void aRuleIsTurnedOnAsItStands() throws Exception {
        answers.put(
                "GET /api/v1/projects/p/rules",
                "200 [{\"name\":\"nightly\",\"enabled\":false,\"rule\":{\"rounds\":{\"when\":{\"every\":\"P1D\"}}}}]");
        answers.put("PUT /api/v1/projects/p/rules/nightly", "200 {\"enabled\":true}");

        assertEquals(0, run("rules", "on", "nightly", "--project", "p"), err.toString());

        assertTrue(
                requests.getLast().endsWith("{\"rounds\":{\"when\":{\"every\":\"P1D\"}},\"enabled\":true}"),
                requests.toString());
        assertEquals(1, run("rules", "on", "other", "--project", "p"));
        assertTrue(err.toString().contains("there is no rule other"), err.toString());
    }

    @Test
    void theSchemaOfAConfigurationKnowsItsDefaults() throws Exception {
        assertEquals(0, run("round", "config", "DPO", "--schema"), err.toString());

        assertTrue(out.toString().contains("\"default\" : \"sigmoid\""), out.toString());
        assertEquals(2, run("round", "config"));
    }

    @Test
    void promotionToTheBaseSendsNull() {
        answers.put(
                "PUT /api/v1/projects/p/channels/production",
                "200 {\"channel\":\"production\",\"version\":null,\"sequence\":3}");

        assertEquals(0, run("channel", "promote", "base", "--project", "p"));

        assertTrue(requests.getFirst().endsWith("{\"version\":null}"), requests.toString());
    }

    @Test
    void reportsOfServicesTellWhoIsBehindAndSinceWhen() {
        answers.put(
                "GET /api/v1/projects/p/loads",
                "200 [{\"instanceId\":\"bot-1\",\"channel\":\"production\",\"status\":\"LOADED\",\"runningVersion\":\"v2\","
                        + "\"sequence\":7,\"at\":\"2026-01-01T12:00:00Z\",\"swapMillis\":12}]");

        assertEquals(0, run("channel", "loads", "--project", "p"), err.toString());

        assertEquals(
                "bot-1 production LOADED v2 7 2026-01-01T12:00:00Z 12 -",
                out.toString().lines().skip(1).findFirst().orElseThrow().replaceAll(" +", " "));
    }

    @Test
    void refusalIsSaidInItsOwnWords() {
        answers.put(
                "POST /api/v1/projects/p/rounds",
                "422 {\"code\":\"no_data\",\"detail\":\"the project has no decided pairs\"}");

        assertEquals(1, run("round", "start", "REWARD", "--project", "p"));

        assertEquals(
                "podium: the project has no decided pairs (no_data)",
                err.toString().strip());
    }

    @Test
    void withoutAStackTheRemedyIsNamed() {
        Session session = new Session(
                Map.of("PODIUM_HOME", folder.toString()), new PrintWriter(out, true), new PrintWriter(err, true));

        assertEquals(1, Podium.run(session, "project", "list"));

        assertTrue(err.toString().contains("./podium up"), err.toString());
    }

    @Test
    void benchmarkThatIsNotBuiltIsNamed() {
        assertEquals(1, run("bench", "nonsense"));
        assertEquals(
                "podium: there is no benchmark nonsense; train, generate and ppo are",
                err.toString().strip());
    }

    @Test
    void wrongUsageIsItsOwnExitCode() {
        assertEquals(2, run("round", "start", "REWARD"));
        assertEquals(2, run("nonsense"));
        assertEquals(2, run());
    }

    private int run(String... arguments) {
        Session session = new Session(
                Map.of(
                        "PODIUM_HOME",
                        folder.toString(),
                        "PODIUM_URL",
                        "http://127.0.0.1:" + server.getAddress().getPort(),
                        "PODIUM_USER",
                        "operator",
                        "PODIUM_PASSWORD",
                        "secret"),
                new PrintWriter(out, true),
                new PrintWriter(err, true));
        return Podium.run(session, arguments);
    }
}
