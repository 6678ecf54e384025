package dev.podium.images;

import com.google.cloud.tools.jib.api.InvalidImageReferenceException;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.JibContainerBuilder;
import com.google.cloud.tools.jib.api.buildplan.AbsoluteUnixPath;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import com.google.cloud.tools.jib.api.buildplan.FilePermissions;
import com.google.cloud.tools.jib.api.buildplan.Port;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/** One application as an image: what changes seldom lies in lower layers. The same input gives the same bytes. */
enum ApplicationImage {
    FEEDBACK_API("feedback-api", 8080, "60", Kind.QUARKUS),
    RANKING_STREAM("ranking-stream", 8080, "50", Kind.QUARKUS),
    REWARD_TRAINER("reward-trainer", 8080, "25", Kind.TRAINER),
    POLICY_TRAINER("policy-trainer", 8080, "25", Kind.TRAINER),
    SIDECAR("deploy/sidecar", 8001, "60", Kind.PLAIN);

    private enum Kind {
        /** A jar with its libraries beside it. */
        PLAIN,
        QUARKUS,
        /** Quarkus, with libtorch and models. */
        TRAINER
    }

    /** Not root, and the same everywhere: a volume's files belong to it. */
    static final int USER_ID = 10001;

    private static final AbsoluteUnixPath APP = AbsoluteUnixPath.get("/app");
    private static final AbsoluteUnixPath WORK = AbsoluteUnixPath.get("/work");
    private static final AbsoluteUnixPath MODELS = AbsoluteUnixPath.get("/work/models");
    // A fixed time, so that an image depends on its content alone.
    private static final Instant BUILT = Instant.EPOCH.plusSeconds(1);

    private final String folder;
    private final int port;
    private final String heapPercent;
    private final Kind kind;

    /**
     * @param folder of its Maven module
     * @param heapPercent of the container's memory for the Java heap; RocksDB and libtorch live outside it
     */
    ApplicationImage(String folder, int port, String heapPercent, Kind kind) {
        this.folder = folder;
        this.port = port;
        this.heapPercent = heapPercent;
        this.kind = kind;
    }

    /** Name of its Maven module's folder, and of the image after the registry's part. */
    String module() {
        return folder.substring(folder.lastIndexOf('/') + 1);
    }

    /**
     * The image on a base that has a Java runtime, version 21 or newer, on its path.
     *
     * @param root of the checkout, after a build
     * @throws IOException when the module is not built
     */
    JibContainerBuilder on(String base, Path root) throws IOException, InvalidImageReferenceException {
        Path target = root.resolve(folder).resolve("target");
        Path built = kind == Kind.PLAIN ? target : target.resolve("quarkus-app");
        if (!Files.isRegularFile(built.resolve(jar()))) {
            throw new IOException(module() + " is not built; ./podium images builds it, or run ./mvnw package");
        }
        JibContainerBuilder image = base.equals("scratch") ? Jib.fromScratch() : Jib.from(base);
        image.addFileEntriesLayer(layer("libraries", built.resolve("lib"), APP.resolve("lib")));
        if (kind != Kind.PLAIN) {
            image.addFileEntriesLayer(layer("quarkus", built.resolve("quarkus"), APP.resolve("quarkus")));
        }
        return image.addFileEntriesLayer(application(built))
                .addFileEntriesLayer(work())
                .setEntrypoint(entrypoint())
                .setEnvironment(environment())
                .setUser(Integer.toString(USER_ID))
                .setWorkingDirectory(WORK)
                .addVolume(WORK)
                .setExposedPorts(Port.tcp(port))
                .setCreationTime(BUILT)
                .addLabel("org.opencontainers.image.title", "Podium " + module())
                .addLabel("org.opencontainers.image.licenses", "Apache-2.0");
    }

    /** The command line: the JVM, its flags, and the application. */
    List<String> entrypoint() {
        List<String> line = new ArrayList<>(List.of(
                "java",
                "-XX:MaxRAMPercentage=" + heapPercent,
                "-XX:+ExitOnOutOfMemoryError",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow"));
        if (this == RANKING_STREAM) {
            // As in the stack of one machine: a batch of rankings lives until its commit, and little outlives it.
            line.addAll(List.of(
                    "-XX:NewRatio=1",
                    "-XX:SurvivorRatio=4",
                    "-XX:+UnlockExperimentalVMOptions",
                    "-XX:+UseCompactObjectHeaders"));
        }
        if (kind == Kind.TRAINER) {
            line.add("-XX:+UseSerialGC");
            line.add("-Dai.djl.offline=true");
        }
        line.addAll(List.of("-jar", APP.resolve(jar()).toString()));
        return line;
    }

    private Map<String, String> environment() {
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put("HOME", WORK.toString());
        if (kind == Kind.PLAIN) {
            environment.put("PODIUM_SIDECAR_HOST", "0.0.0.0");
            environment.put("PODIUM_SIDECAR_FOLDER", WORK + "/adapters");
            return environment;
        }
        environment.put("QUARKUS_HTTP_HOST", "0.0.0.0");
        environment.put("QUARKUS_HTTP_PORT", Integer.toString(port));
        environment.put("QUARKUS_LOG_CONSOLE_JSON_ENABLED", "true");
        environment.put("PODIUM_WORK_DIR", WORK + "/state");
        if (kind == Kind.TRAINER) {
            environment.put("DJL_CACHE_DIR", WORK + "/djl");
            environment.put("OPT_OUT_TRACKING", "true");
            environment.put("PODIUM_MODELS_DIR", MODELS.toString());
            environment.put("MALLOC_ARENA_MAX", "2");
            environment.put("MALLOC_MMAP_THRESHOLD_", Integer.toString(4 << 20));
            environment.put("MALLOC_TRIM_THRESHOLD_", Integer.toString(64 << 20));
        }
        return environment;
    }

    private String jar() {
        return kind == Kind.PLAIN ? "podium-sidecar.jar" : "quarkus-run.jar";
    }

    private FileEntriesLayer application(Path built) throws IOException {
        FileEntriesLayer.Builder layer = FileEntriesLayer.builder().setName("application");
        if (kind != Kind.PLAIN) {
            add(layer, built.resolve("app"), APP.resolve("app"));
        }
        layer.addEntry(built.resolve(jar()), APP.resolve(jar()));
        Path dependencies = built.resolve("quarkus-app-dependencies.txt");
        if (Files.exists(dependencies)) {
            layer.addEntry(dependencies, APP.resolve("quarkus-app-dependencies.txt"));
        }
        return layer.build();
    }

    /** The folders that volumes are mounted on; their owner is the user, so that a fresh volume is writable. */
    FileEntriesLayer work() throws IOException {
        Path empty = Files.createTempDirectory("podium-work");
        FileEntriesLayer.Builder layer = FileEntriesLayer.builder().setName("work");
        for (AbsoluteUnixPath folder : kind == Kind.TRAINER ? List.of(WORK, MODELS) : List.of(WORK)) {
            layer.addEntry(
                    empty,
                    folder,
                    FilePermissions.fromOctalString("755"),
                    FileEntriesLayer.DEFAULT_MODIFICATION_TIME,
                    USER_ID + ":" + USER_ID);
        }
        return layer.build();
    }

    private static FileEntriesLayer layer(String name, Path from, AbsoluteUnixPath to) throws IOException {
        FileEntriesLayer.Builder layer = FileEntriesLayer.builder().setName(name);
        add(layer, from, to);
        return layer.build();
    }

    private static void add(FileEntriesLayer.Builder layer, Path from, AbsoluteUnixPath to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : new TreeSet<>(files.filter(Files::isRegularFile).toList())) {
                layer.addEntry(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }
}
