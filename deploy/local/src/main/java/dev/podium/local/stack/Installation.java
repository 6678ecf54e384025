package dev.podium.local.stack;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The built applications.
 *
 * @param root of the checkout
 */
public record Installation(Path root) {
    public Installation {
        root = root.toAbsolutePath().normalize();
    }

    /** The checkout that this program runs from: system property {@code podium.root}, or a folder above the current. */
    public static Installation find() throws StackException {
        String configured = System.getProperty("podium.root");
        if (configured != null) {
            return new Installation(Path.of(configured));
        }
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.isRegularFile(folder.resolve("mvnw")) && Files.isDirectory(folder.resolve("feedback-api"))) {
                return new Installation(folder);
            }
        }
        throw new StackException("no checkout of Podium above the current folder; set -Dpodium.root");
    }

    /** The command that starts an application. */
    public List<String> command(Application application) throws StackException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(application.jvmFlags());
        if (application == Application.SAMPLE_SERVICE) {
            command.add("-Djava.util.logging.config.file="
                    + root.resolve("deploy/local/src/main/resources/logging.properties"));
            command.addAll(List.of("-cp", classPath(), "dev.podium.local.service.SampleService"));
            return command;
        }
        Path jar = root.resolve(application.label()).resolve("target/quarkus-app/quarkus-run.jar");
        if (!Files.isRegularFile(jar)) {
            throw new StackException(application.label() + " is not built (" + jar + " is missing); run"
                    + " ./mvnw -DskipTests package, or ./podium up, which does");
        }
        command.addAll(List.of("-Djava.util.logging.manager=org.jboss.logmanager.LogManager", "-jar", jar.toString()));
        return command;
    }

    /** This program's own class path, made absolute: children run in other folders. */
    public static String classPath() throws StackException {
        List<String> entries = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!entry.isEmpty()) {
                entries.add(Path.of(entry).toAbsolutePath().toString());
            }
        }
        if (entries.isEmpty()) {
            throw new StackException("the class path is empty");
        }
        return String.join(File.pathSeparator, entries);
    }

    /** Whether the application's jar is there. */
    public boolean isBuilt(Application application) throws IOException {
        return application == Application.SAMPLE_SERVICE
                || Files.isRegularFile(root.resolve(application.label()).resolve("target/quarkus-app/quarkus-run.jar"));
    }
}
