package dev.podium.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.microsoft.playwright.Locator;
import dev.podium.e2e.Browser.Device;
import dev.podium.local.client.Api;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.LocalStack;
import dev.podium.local.stack.Ports;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import dev.podium.local.stack.StackOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where nothing is yet, which no stack is that others use. */
class FirstProjectTest {
    @TempDir
    Path folder;

    @Test
    void anEmptyInstallationLeadsToItsFirstProject() throws Exception {
        Scene scene = Scene.open(this::start);
        try (LocalStack stack = scene.stack;
                Api operator = scene.operator;
                Look desktop = Look.operator(scene, Device.DESKTOP, "first", "/console");
                Look phone = Look.operator(scene, Device.PHONE, "first", "/console")) {
            for (Look look : List.of(desktop, phone)) {
                assertThat(tile(look)).containsText("Start with a project");
                look.check("empty");
                Look.button(tile(look), "New project").click();
                assertThat(look.field("Name")).isVisible();
                look.check("new");
            }
            phone.press("Cancel");
            desktop.field("Name").fill("Support");
            desktop.field("Id").fill("support");
            desktop.press("Create");
            desktop.awaitUrl("/console/support");

            phone.page.reload();
            assertThat(tile(phone)).containsText("Support");
            assertThat(tile(phone)).containsText("0 tasks");
            phone.check("first");
            assertEquals(List.of("support"), Scene.texts(operator.get("/projects"), "id"));
        }
    }

    private static Locator tile(Look look) {
        return look.page.locator("#projects .tile:not(.skeleton)");
    }

    private LocalStack start() {
        try {
            return LocalStack.start(new StackOptions(
                    new StackFolder(folder.resolve("stack")),
                    Installation.find(),
                    Ports.free(),
                    List.of(Application.FEEDBACK_API),
                    Map.of("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1"),
                    line -> System.out.println("stack: " + line)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (StackException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }
}
