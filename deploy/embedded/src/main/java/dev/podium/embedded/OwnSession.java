package dev.podium.embedded;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Starts a process in a session of its own: Ctrl-C in the terminal reaches its starter only, which ends it in order. */
public final class OwnSession {
    private OwnSession() {}

    /** The command behind {@code setsid}, where there is one. */
    public static List<String> of(List<String> command) {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path setsid = Path.of(folder, "setsid");
            if (Files.isExecutable(setsid)) {
                List<String> all = new ArrayList<>(List.of(setsid.toString()));
                all.addAll(command);
                return List.copyOf(all);
            }
        }
        return List.copyOf(command);
    }
}
