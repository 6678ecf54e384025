package dev.podium.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import dev.podium.local.stack.LocalStack;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.StreamSupport;

/** What browser tests begin with: the stack, a browser, projects with tasks, people who are logged in. */
final class Scene {
    static final String PASSWORD = "a-password-for-tests";
    private static final double PATIENCE_MILLIS = 60_000;
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(3);
    /** How many tasks {@link #ranked} makes. */
    static final int RANKED_TASKS = 12;

    /** Settings of a round that ends within seconds. */
    static final Map<String, Object> QUICK = Map.of(
            "seed",
            7,
            "training",
            Map.of("learningRate", 1e-3, "epochs", 1, "batchTasks", 4, "maxLengthTokens", 128, "publishIf", "always"));

    static final ObjectMapper JSON = new ObjectMapper();

    final LocalStack stack;
    final Api operator;
    final Browser browser;

    private Scene(LocalStack stack, Api operator, Browser browser) {
        this.stack = stack;
        this.operator = operator;
        this.browser = browser;
    }

    /** The shared stack; skips the tests where no Chromium is installed, and says so. */
    static Scene open() {
        return open(SharedStack::get);
    }

    /** A stack of a test's own, started where there is a browser to look at it. */
    static Scene open(Supplier<LocalStack> start) {
        assumeTrue(
                Browser.installed().isPresent(),
                "SKIPPED: no Chromium is installed. Install one (Debian: apt-get install chromium), or name it by"
                        + " -Dpodium.chromium=/path/to/it");
        // A busy machine is slow; only what never comes fails.
        PlaywrightAssertions.setDefaultAssertionTimeout(PATIENCE_MILLIS);
        LocalStack stack = start.get();
        Api operator =
                new Api(stack.url(), stack.operator().user(), stack.operator().password());
        return new Scene(stack, operator, Browser.shared());
    }

    /** A project with tasks, each a prompt followed by its outputs. */
    void project(String id, List<List<String>> tasks) throws ApiException, IOException {
        project(id, Map.of(), tasks);
    }

    /** @param rules as the REST interface takes them */
    void project(String id, Map<String, Object> rules, List<List<String>> tasks) throws ApiException, IOException {
        operator.post(
                "/projects",
                Map.of(
                        "id",
                        id,
                        "name",
                        id,
                        "baseModel",
                        "podium-nano",
                        "guidelines",
                        "# Be kind\nA short answer that is right beats a long one.",
                        "rules",
                        rules));
        List<String> lines = new ArrayList<>();
        for (List<String> task : tasks) {
            lines.add(JSON.writeValueAsString(Map.of("prompt", task.get(0), "outputs", task.subList(1, task.size()))));
        }
        JsonNode report = operator.upload("/projects/" + id + "/import?format=podium", String.join("\n", lines) + "\n");
        assertEquals(tasks.size(), report.path("tasks").asInt(), report.toString());
    }

    void labeler(String name) throws ApiException {
        person(name, "labeler", List.of("*"));
    }

    /** Somebody who logs in with {@link #PASSWORD}. */
    void person(String name, String role, List<String> projects) throws ApiException {
        operator.post("/users", Map.of("name", name, "password", PASSWORD, "role", role, "projects", projects));
    }

    /** A page of a labeler, at a path. */
    Page logIn(BrowserContext window, String labeler, String path) {
        return logIn(window, labeler, PASSWORD, path);
    }

    /** Keeps a picture of the page in the folder that PODIUM_SCREENSHOTS names; without one, nothing. */
    void show(Page page, String name) {
        String folder = System.getenv("PODIUM_SCREENSHOTS");
        if (folder != null) {
            page.screenshot(new Page.ScreenshotOptions()
                    .setFullPage(true)
                    .setPath(Path.of(folder, name.replace(' ', '-') + "-" + page.viewportSize().width + ".png")));
        }
    }

    /** Asks the REST interface until its answer is as expected. */
    JsonNode await(String path, Predicate<JsonNode> expected) throws ApiException, InterruptedException {
        long deadlineNanos = System.nanoTime() + LONGEST_WAIT.toNanos();
        while (true) {
            JsonNode answer = operator.get(path);
            if (expected.test(answer)) {
                return answer;
            }
            assertTrue(System.nanoTime() < deadlineNanos, () -> path + " stays " + answer);
            TimeUnit.MILLISECONDS.sleep(200);
        }
    }

    Page logInAsOperator(BrowserContext window, String path) {
        return logIn(window, stack.operator().user(), stack.operator().password(), path);
    }

    Page logIn(BrowserContext window, String user, String password, String path) {
        Page page = window.newPage();
        page.navigate(stack.url() + path);
        page.getByLabel("Name").fill(user);
        page.getByLabel("Password").fill(password);
        page.keyboard().press("Enter");
        page.waitForURL(stack.url() + path);
        if (path.startsWith("/label")) {
            page.locator(".card").first().waitFor();
        }
        return page;
    }

    /** A project with tasks that two labelers have ranked. */
    void ranked(String project) throws Exception {
        project(project, List.of());
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < RANKED_TASKS; i++) {
            lines.append(
                            "{\"prompt\":\"My lamp number %d is dark.\",\"outputs\":[\"Hello! Try another socket for it.\",\"No.\"],"
                                    .formatted(i))
                    .append("\"labeler\":\"%s\",\"ranking\":[[0],[1]]}\n".formatted(i % 2 == 0 ? "ann" : "mallory"));
        }
        operator.upload(Api.path("projects", project, "import") + "?format=podium", lines.toString());
        await(
                Api.path("projects", project, "progress"),
                progress -> progress.path("decidedTasks").asInt() == RANKED_TASKS);
    }

    /** Lets a trainer begin with a short round, whose adapter is published whatever comes out. */
    void startQuickRound(String project) throws ApiException {
        operator.post(Api.path("projects", project, "rounds"), Map.of("kind", "DPO", "config", QUICK));
    }

    /** The manifest of an adapter, once it is published. */
    JsonNode awaitAdapter(String project, String version) throws Exception {
        await(
                Api.path("projects", project, "adapters"),
                adapters -> texts(adapters, "version").contains(version));
        return operator.get(Api.path("projects", project, "adapters", version));
    }

    JsonNode channel(String project, String name) throws ApiException {
        for (JsonNode channel : operator.get(Api.path("projects", project, "channels"))) {
            if (channel.path("channel").asText().equals(name)) {
                return channel;
            }
        }
        throw new AssertionError("no channel " + name);
    }

    static List<String> texts(JsonNode rows, String field) {
        return StreamSupport.stream(rows.spliterator(), false)
                .map(row -> row.path(field).asText())
                .toList();
    }

    /** The next task, ranked in the order in which its outputs are. */
    static void takeTheFirst(Api labeler, String project) throws ApiException {
        JsonNode next = labeler.post(Api.path("projects", project, "tasks", "next"), Map.of());
        List<List<String>> groups = new ArrayList<>();
        next.path("task")
                .path("outputs")
                .forEach(output -> groups.add(List.of(output.path("id").asText())));
        String task = next.path("task").path("id").asText();
        labeler.put(
                Api.path("projects", project, "tasks", task, "ranking"),
                Map.of(
                        "groups",
                        groups,
                        "leaseId",
                        next.path("lease").path("id").asText()),
                Map.of("Idempotency-Key", project + task));
    }
}
