package dev.podium.e2e;

import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.ReducedMotion;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The Chromium that is installed here, without a head; Playwright downloads none. */
final class Browser implements AutoCloseable {
    private static final List<String> NAMES =
            List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome");

    private static @Nullable Browser shared;

    private final Playwright playwright;
    private final com.microsoft.playwright.Browser chromium;

    private Browser(Playwright playwright, com.microsoft.playwright.Browser chromium) {
        this.playwright = playwright;
        this.chromium = chromium;
    }

    /** Where Chromium is: {@code -Dpodium.chromium} or PODIUM_CHROMIUM, else one of its usual names on the path. */
    static Optional<Path> installed() {
        String configured = System.getProperty("podium.chromium", System.getenv("PODIUM_CHROMIUM"));
        if (configured != null) {
            return Optional.of(Path.of(configured)).filter(Files::isExecutable);
        }
        String path = Objects.requireNonNullElse(System.getenv("PATH"), "");
        Stream<Path> onPath = NAMES.stream()
                .flatMap(name -> Stream.of(path.split(File.pathSeparator))
                        .filter(folder -> !folder.isBlank())
                        .map(folder -> Path.of(folder, name)));
        Stream<Path> elsewhere = Stream.of(Path.of("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"));
        return Stream.concat(onPath, elsewhere).filter(Files::isExecutable).findFirst();
    }

    /** One for all tests of this module, stopped with the JVM. */
    static synchronized Browser shared() {
        Browser running = shared;
        if (running == null) {
            running = start(installed().orElseThrow());
            shared = running;
            Runtime.getRuntime().addShutdownHook(new Thread(running::close));
        }
        return running;
    }

    static Browser start(Path executable) {
        Playwright playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        com.microsoft.playwright.Browser chromium = playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(executable)
                        .setHeadless(true)
                        // Chromium's sandbox refuses to run as root, which is who builds in containers.
                        .setChromiumSandbox(!"root".equals(System.getProperty("user.name")))
                        .setArgs(List.of(
                                "--disable-gpu",
                                "--disable-quic",
                                "--no-first-run",
                                "--disable-background-networking",
                                "--disable-component-update")));
        return new Browser(playwright, chromium);
    }

    /** What a page is looked at with. */
    enum Device {
        DESKTOP,
        PHONE;

        /** For names of what one test makes on each device. */
        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A desktop's window of its own: no cookies, no storage of others. */
    BrowserContext window() {
        return window(Device.DESKTOP, ColorScheme.LIGHT);
    }

    /** A window of its own, as large as the device's, with fingers where it has a touch screen. */
    BrowserContext window(Device device, ColorScheme scheme) {
        boolean phone = device == Device.PHONE;
        return chromium.newContext(new com.microsoft.playwright.Browser.NewContextOptions()
                .setViewportSize(phone ? 390 : 1280, phone ? 844 : 800)
                .setHasTouch(phone)
                .setIsMobile(phone)
                .setColorScheme(scheme)
                .setReducedMotion(ReducedMotion.REDUCE)
                .setLocale("en-GB"));
    }

    @Override
    public void close() {
        chromium.close();
        playwright.close();
    }
}
