package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static dev.podium.e2e.Look.HOSTILE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.Locator;
import dev.podium.adapterclient.AdapterClient;
import dev.podium.adapterclient.AdapterClientConfig;
import dev.podium.adapterclient.AdapterSwap;
import dev.podium.adapterclient.Expectation;
import dev.podium.adapterclient.ServedAdapter;
import dev.podium.e2e.Browser.Device;
import dev.podium.local.client.Api;
import dev.podium.local.client.ApiException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Everything an operator can do in the console with channels, at a desktop and on a phone, and what services that follow
 * them say of it. Each test has a channel of its own in a project with one adapter.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperatorsChannelsTest {
    private static final Duration SERVICE_WAIT = Duration.ofMinutes(2);

    @TempDir
    Path folder;

    private Scene scene;

    @BeforeAll
    void openSceneAndLetTrainersBegin() throws Exception {
        scene = Scene.open();
        for (Device device : Device.values()) {
            scene.ranked("channels-" + device.word());
            scene.startQuickRound("channels-" + device.word());
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aChannelIsMadePointedTriedOnAndRolledBackAndItsServiceFollows(Device device) throws Exception {
        String project = "channels-" + device.word();
        scene.awaitAdapter(project, "v1");
        try (Look look = Look.operator(scene, device, "channel", "/console/" + project)) {
            Locator channel = channel(look, "next");
            Locator service = look.row("#services-list", project + "-next");
            look.button("New channel").click();
            look.field("Channel").fill("Not a name");
            look.press("Promote");
            assertThat(look.dialog()).isVisible();
            look.field("Channel").fill("next");
            look.field("Adapter").selectOption("");
            look.field("Reason").fill(HOSTILE);
            look.check("new");
            look.checkChoices();
            look.submit("Promote");
            assertThat(channel).containsText(HOSTILE);
            assertThat(channel.locator(".points")).hasText("base model");
            assertThat(Look.button(channel, "Roll back")).isDisabled();
            assertEquals("", version(project, "next"));

            try (AdapterClient client = follow(project, "next")) {
                assertTrue(client.awaitCaughtUp(SERVICE_WAIT), "the service cannot follow its channel");
                assertThat(service.locator("strong")).hasText("base model");
                assertThat(service.locator(".state")).hasText("loaded");

                // A share of the instances that is all of them; the version is kept.
                tryOut(look, channel, "100", "instances");
                assertThat(channel.locator(".points")).hasText("base model + v1 for 100% of the instances");
                assertThat(service.locator("strong")).hasText("v1");
                look.check("on trial");
                Look.button(channel, "Change").click();
                look.field("Adapter").selectOption("v1");
                look.submit("Promote");
                assertThat(channel.locator(".points")).hasText("v1");
                assertEquals("v1", version(project, "next"));

                Look.button(channel, "Roll back").click();
                assertThat(look.dialog()).containsText("It points to v1 now");
                look.submit("Roll back");
                assertThat(channel.locator(".points")).hasText("base model");
                assertThat(service.locator("strong")).hasText("base model");
                assertEquals("", version(project, "next"));

                // A share of the requests; the version is not kept.
                tryOut(look, channel, "12.5", "requests");
                assertThat(channel.locator(".points")).hasText("base model + v1 for 12.5% of the requests");
                JsonNode canary = scene.channel(project, "next").path("canary");
                assertEquals("REQUESTS 12.5", canary.path("by").asText() + " " + canary.path("percent"));
                Look.button(channel, "End trial").click();
                look.submit("End it");
                assertThat(channel.locator(".points")).hasText("base model");
                assertTrue(scene.channel(project, "next").path("canary").isMissingNode()
                        || scene.channel(project, "next").path("canary").isNull());

                Look.button(channel, "History").click();
                Locator changes = look.dialog().locator("tbody tr");
                assertThat(changes).hasCount(6);
                assertThat(changes.nth(1)).containsText("v1, 12.5%");
                assertThat(changes.nth(2)).containsText("rolled back from v1 to change 1");
                assertThat(changes.last()).containsText(HOSTILE);
                look.check("history");
                look.press("Close");
            }
            // Who ends well says so.
            assertThat(service).hasCount(0);
        }
    }

    @ParameterizedTest
    @EnumSource(Device.class)
    void aChannelsRuleRollsItBackAndEndsATrialWhenRequestsFail(Device device) throws Exception {
        String project = "channels-" + device.word();
        Optional<String> v1 = Optional.of("v1");
        scene.awaitAdapter(project, "v1");
        point(project, "guarded", Map.of());
        point(project, "guarded", Map.of("version", "v1"));
        try (Look look = Look.operator(scene, device, "channel-rule", "/console/" + project);
                AdapterClient client = follow(project, "guarded")) {
            Locator channel = channel(look, "guarded");
            Locator service = look.row("#services-list", project + "-guarded");
            assertThat(service.locator("strong")).hasText("v1");
            Look.button(channel, "Rule").click();
            assertThat(look.field("Instances that refuse it")).hasValue("0");
            look.field("Instances that refuse it").fill("2");
            look.field("Errors in percent").fill("50");
            look.field("Requests before errors count").fill("10");
            look.check("set");
            look.submit("Save");
            Look.button(channel, "Rule").click();
            assertThat(look.field("Errors in percent")).hasValue("50");
            look.press("Cancel");

            // Nobody presses anything.
            fail(client, v1);
            assertThat(channel.locator(".points")).hasText("base model");
            assertThat(channel).containsText("100.0% errors in 10 requests of v1, the rule allows 50.0%");
            assertThat(service.locator("strong")).hasText("base model");

            tryOut(look, channel, "50", "requests");
            assertThat(channel.locator(".points")).containsText("v1 for 50%");
            // Only what the service has taken up is counted.
            scene.await(
                    Api.path("projects", project, "loads"),
                    loads -> Scene.texts(loads, "sequence").contains("4"));
            fail(client, v1);
            assertThat(channel.locator(".points")).hasText("base model");
            assertThat(channel).containsText("change 5 by rule");
            Look.button(channel, "History").click();
            Locator changes = look.dialog().locator("tbody tr");
            assertThat(changes).hasCount(5);
            assertThat(changes.first()).containsText("its rule");
            assertThat(changes.nth(2)).containsText("rolled back from v1");
            look.check("history");
            look.press("Close");

            Look.button(channel, "Rule").click();
            look.field("Instances that refuse it").fill("0");
            look.field("Errors in percent").fill("0");
            look.submit("Save");
            assertTrue(
                    scene.operator
                            .get(Api.path("projects", project, "channels", "guarded", "rule"))
                            .isMissingNode(),
                    "the rule is still there");
        }
    }

    private static Locator channel(Look look, String name) {
        return look.page
                .locator("#channels-list .channel")
                .filter(new Locator.FilterOptions()
                        .setHas(look.page.locator("h3").getByText(name)));
    }

    private static void tryOut(Look look, Locator channel, String percent, String by) {
        Look.button(channel, "Try a version").click();
        look.field("Version").selectOption("v1");
        look.field("Share in percent").fill(percent);
        look.field("Of the").selectOption(by);
        look.field("Reason").fill(HOSTILE);
        look.check("trial by " + by);
        look.submit("Try it");
    }

    /** A service that does nothing with what it is given, and reports each second. */
    private AdapterClient follow(String project, String channel) throws Exception {
        JsonNode manifest = scene.awaitAdapter(project, "v1");
        Expectation expectation = Expectation.of(
                "podium-nano", manifest.path("baseModel").path("sha256").asText());
        String instance = project + "-" + channel;
        AdapterClientConfig config = new AdapterClientConfig(
                scene.stack.bootstrapServers(), instance, project, channel, folder.resolve(instance), expectation);
        return AdapterClient.start(config.reportingEvery(Duration.ofSeconds(1)), new AdapterSwap() {
            @Override
            public void swap(Optional<ServedAdapter> adapter) {}

            @Override
            public void trial(Optional<Trial> trial) {}
        });
    }

    private static void fail(AdapterClient client, Optional<String> version) {
        for (int i = 0; i < 10; i++) {
            client.failed(version);
        }
    }

    private void point(String project, String channel, Map<String, String> where) throws ApiException {
        scene.operator.put(Api.path("projects", project, "channels", channel), where, Map.of());
    }

    private String version(String project, String channel) throws ApiException {
        return scene.channel(project, channel).path("version").asText("");
    }
}
