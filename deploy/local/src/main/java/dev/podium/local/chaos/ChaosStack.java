package dev.podium.local.chaos;

import dev.podium.embedded.BrokerMain;
import dev.podium.embedded.EmbeddedPostgres;
import dev.podium.embedded.FreePort;
import dev.podium.local.chaos.Fault.Kind;
import dev.podium.local.stack.Application;
import dev.podium.local.stack.ApplicationEnvironment;
import dev.podium.local.stack.Installation;
import dev.podium.local.stack.Ports;
import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackFolder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A stack that can be hit: broker, PostgreSQL and every application are processes of their own, and each application
 * reaches Kafka through a link of its own. feedback-api, ranking-stream and the service run twice.
 *
 * <pre>
 *   application ── link ──▶ its listener of the broker        first feedback-api ── link ──▶ PostgreSQL
 * </pre>
 */
final class ChaosStack implements AutoCloseable {
    static final String PROJECT = "chaos";
    static final String CHANNEL = "production";

    private static final Duration START_TIMEOUT = Duration.ofMinutes(5);
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);
    private static final long POSTGRES_RETRY_MILLIS = 500;
    // Those of a stack with one instance of each, three for second instances, and two for each target.
    private static final int LINKS_OFFSET = 14;
    private static final int PORTS = LINKS_OFFSET + 2 * Target.values().length;

    private final StackFolder folder;
    private final Ports ports;
    private final Consumer<String> notices;
    private final Map<Fault.Kind, String> skipped = new TreeMap<>();
    private final Map<Target, Victim> victims = new EnumMap<>(Target.class);
    private final Map<Target, FaultyLink> links = new EnumMap<>(Target.class);
    private final Map<Target, FakeClock> clocks = new EnumMap<>(Target.class);
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(REQUEST_TIMEOUT).build();
    private @Nullable SmallDisk disk;
    private @Nullable EmbeddedPostgres postgres;
    private boolean postgresHeldDown;
    private volatile boolean closed;

    private ChaosStack(StackFolder folder, Ports ports, Consumer<String> notices) {
        this.folder = folder;
        this.ports = ports;
        this.notices = notices;
    }

    /** Starts everything; returns when every application is ready. */
    static ChaosStack start(StackFolder folder, Consumer<String> notices)
            throws IOException, StackException, InterruptedException {
        folder.create();
        folder.makeSigningKey();
        folder.makePointerKey();
        ChaosStack stack = new ChaosStack(folder, freePorts(), notices);
        try {
            stack.startAll();
            return stack;
        } catch (IOException | StackException | InterruptedException | RuntimeException e) {
            stack.close();
            throw e;
        }
    }

    private static Ports freePorts() throws IOException {
        RandomGenerator random = RandomGenerator.getDefault();
        for (int attempt = 0; attempt < 50; attempt++) {
            // Below the range of outgoing connections: what listens here is away for a while now and then.
            int first = random.nextInt(20_000, 32_000);
            boolean free = true;
            for (int port = first; port < first + PORTS && free; port++) {
                free = !FreePort.isTaken(port);
            }
            if (free) {
                return new Ports(first);
            }
        }
        throw new IOException("no block of " + PORTS + " free ports was found");
    }

    // ---- addresses

    String url() {
        return url(Target.FEEDBACK_API);
    }

    /** Addresses of all replicas of feedback-api, as one behind a balancer has them. */
    List<String> urls() {
        return List.of(url(Target.FEEDBACK_API), url(Target.FEEDBACK_API_2));
    }

    private String url(Target target) {
        return "http://127.0.0.1:" + port(target);
    }

    String operatorPassword() throws IOException {
        return folder.secret("operator-password", 15);
    }

    /** The broker, past all links. */
    String bootstrapServers() {
        return "127.0.0.1:" + ports.kafka();
    }

    /** PostgreSQL, past its link. */
    ApplicationEnvironment.Database database() {
        EmbeddedPostgres server = postgres();
        return new ApplicationEnvironment.Database(server.jdbcUrl(), server.username(), server.password());
    }

    /** Address of {@code /version} of each service. */
    Map<String, String> services() {
        Map<String, String> services = new TreeMap<>();
        for (Target service : List.of(Target.SAMPLE_SERVICE, Target.SAMPLE_SERVICE_2)) {
            services.put("sample-service-" + port(service), "http://127.0.0.1:" + port(service) + "/version");
        }
        return services;
    }

    /** Kinds of faults that this machine cannot do, with the reason. */
    Map<Kind, String> skipped() {
        return Map.copyOf(skipped);
    }

    /** How often a process ended without being killed. */
    Map<String, Integer> endedByThemselves() {
        Map<String, Integer> ended = new TreeMap<>();
        victims.forEach((target, victim) -> {
            if (victim.endedByItself() > 0) {
                ended.put(target.label(), victim.endedByItself());
            }
        });
        return ended;
    }

    private int port(Target target) {
        return switch (target) {
            // Which the stack itself does not use.
            case FEEDBACK_API_2 -> ports.first() + 5;
            case RANKING_STREAM_2 -> ports.first() + 6;
            case SAMPLE_SERVICE_2 -> ports.first() + 12;
            default -> ports.of(target.application().orElseThrow());
        };
    }

    private int linkPort(Target target) {
        return ports.first() + LINKS_OFFSET + target.ordinal();
    }

    private int listenerPort(Target target) {
        return linkPort(target) + Target.values().length;
    }

    // ---- faults

    /** Begins a fault. */
    void begin(Fault fault) throws IOException {
        switch (fault.kind()) {
            case KILL -> kill(fault.target(), false);
            case OUTAGE -> kill(fault.target(), true);
            case FREEZE -> victim(fault.target()).freeze();
            case RESET -> link(fault.target()).reset();
            case REFUSE -> link(fault.target()).refuse();
            case BLACK_HOLE -> link(fault.target()).hold(true, true);
            case LOSE_ANSWERS -> link(fault.target()).hold(false, true);
            case DISK_FULL -> disk().fill();
            case CLOCK -> clock(fault.target()).move(fault.clockSeconds());
        }
    }

    /** Ends it. */
    void end(Fault fault) throws IOException {
        switch (fault.kind()) {
            case KILL, RESET -> {
                // Nothing is held.
            }
            case OUTAGE -> {
                if (fault.target() == Target.POSTGRES) {
                    holdPostgres(false);
                } else {
                    victim(fault.target()).release();
                }
            }
            case FREEZE -> victim(fault.target()).thaw();
            // Whoever waits for a lost answer has to notice by itself: its connection is cut now.
            case LOSE_ANSWERS -> {
                link(fault.target()).reset();
                link(fault.target()).heal();
            }
            case REFUSE, BLACK_HOLE -> link(fault.target()).heal();
            case DISK_FULL -> disk().free();
            case CLOCK -> clock(fault.target()).move(0);
        }
    }

    private void kill(Target target, boolean hold) {
        if (target != Target.POSTGRES) {
            Victim victim = victim(target);
            if (hold) {
                victim.holdDown();
            } else {
                victim.kill();
            }
            return;
        }
        holdPostgres(hold);
        ProcessHandle.of(postgres().pid()).ifPresent(server -> {
            server.destroyForcibly();
            server.onExit().completeOnTimeout(server, 10, TimeUnit.SECONDS).join();
        });
    }

    private synchronized void holdPostgres(boolean hold) {
        postgresHeldDown = hold;
    }

    /** Whether the target does its work; a link's target is its application. */
    boolean isReady(Target target) {
        return switch (target) {
            case KAFKA -> takesConnections(ports.kafka());
            case POSTGRES -> takesConnections(ports.postgres());
            case POSTGRES_LINK -> isReady(Target.FEEDBACK_API);
            default -> answers("http://127.0.0.1:" + port(target) + "/q/health/ready");
        };
    }

    /** Waits until the target is ready; false when it was not in time. */
    boolean awaitReady(Target target, Duration timeout) throws InterruptedException {
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        while (!isReady(target)) {
            if (System.nanoTime() > deadlineNanos) {
                return false;
            }
            TimeUnit.MILLISECONDS.sleep(200);
        }
        return true;
    }

    private boolean answers(String url) {
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                    .timeout(REQUEST_TIMEOUT)
                    .build();
            return http.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static boolean takesConnections(int port) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    // ---- start and stop

    private void startAll() throws IOException, StackException, InterruptedException {
        prepareClocks();
        prepareDisk();
        startKafka();
        postgres = EmbeddedPostgres.start(folder.postgres(), ports.postgres());
        Thread.ofPlatform().daemon().name("keep-postgres").start(this::keepPostgres);
        links.put(Target.POSTGRES_LINK, FaultyLink.start(linkPort(Target.POSTGRES_LINK), ports.postgres()));
        awaitOrFail(Target.KAFKA);
        for (Target target : Target.applications()) {
            links.put(target, FaultyLink.start(linkPort(target), listenerPort(target)));
            startApplication(target);
        }
        for (Target target : Target.applications()) {
            awaitOrFail(target);
            notices.accept(target.label() + " is ready");
        }
    }

    private void awaitOrFail(Target target) throws StackException, InterruptedException {
        if (!awaitReady(target, START_TIMEOUT)) {
            throw new StackException(target.label() + " does not become ready; its log is in " + folder.logs());
        }
    }

    private void prepareClocks() throws IOException {
        var library = FakeClock.compile(Files.createDirectories(folder.home().resolve("clocks")));
        if (library.isEmpty()) {
            skipped.put(Kind.CLOCK, "there is no C compiler (cc) for the library that moves a process' clock");
            return;
        }
        for (Target target : Target.applications()) {
            clocks.put(
                    target,
                    FakeClock.of(library.get(), folder.home().resolve("clocks").resolve(target.label())));
        }
    }

    private void prepareDisk() {
        try {
            disk = SmallDisk.mount(folder.work(Application.RANKING_STREAM));
        } catch (IOException e) {
            skipped.put(Kind.DISK_FULL, "no small disk can be mounted, which takes root: " + e.getMessage());
        }
    }

    private void startKafka() throws IOException, StackException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx320m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Djava.util.logging.config.file="
                        + Installation.find().root().resolve("deploy/local/src/main/resources/logging.properties"),
                "-cp",
                Installation.classPath(),
                BrokerMain.class.getName(),
                folder.kafka().toString(),
                Integer.toString(ports.kafka())));
        for (Target target : Target.applications()) {
            command.add(target.name() + ":" + listenerPort(target) + ":" + linkPort(target));
        }
        launch(Target.KAFKA, command, Map.of());
    }

    private void startApplication(Target target) throws IOException, StackException {
        Application application = target.application().orElseThrow();
        ApplicationEnvironment.Database real = database();
        ApplicationEnvironment.Database linked = new ApplicationEnvironment.Database(
                real.jdbcUrl().replace(":" + ports.postgres() + "/", ":" + linkPort(Target.POSTGRES_LINK) + "/"),
                real.username(),
                real.password());
        Map<String, String> environment = new HashMap<>(new ApplicationEnvironment(folder, ports)
                .of(application, "127.0.0.1:" + linkPort(target), target == Target.FEEDBACK_API ? linked : real));
        environment.put("QUARKUS_HTTP_PORT", Integer.toString(port(target)));
        environment.put(
                "PODIUM_WORK_DIR",
                folder.home().resolve("work").resolve(target.label()).toString());
        environment.put("PODIUM_THREADS", "1");
        environment.put("PODIUM_STANDBY_REPLICAS", "1");
        environment.put("PODIUM_SERVICE_PROJECT", PROJECT);
        environment.put("PODIUM_SERVICE_CHANNEL", CHANNEL);
        environment.put("PODIUM_SERVICE_MODEL", "podium-nano");
        if (clocks.containsKey(target)) {
            environment.putAll(clock(target).environment());
        }
        launch(target, Installation.find().command(application), environment);
    }

    private void launch(Target target, List<String> command, Map<String, String> environment) throws IOException {
        Victim victim = new Victim(
                target.label(), command, environment, folder.logs().resolve(target.label() + ".log"), notices);
        victims.put(target, victim);
        victim.start();
    }

    /** Starts PostgreSQL again whenever it is gone, unless it is held down. */
    private void keepPostgres() {
        while (!closed) {
            try {
                TimeUnit.MILLISECONDS.sleep(POSTGRES_RETRY_MILLIS);
                startPostgresAgain();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (IOException e) {
                notices.accept("PostgreSQL does not start yet: " + e.getMessage());
            }
        }
    }

    private synchronized void startPostgresAgain() throws IOException {
        EmbeddedPostgres server = postgres();
        if (closed || postgresHeldDown || server.isAlive()) {
            return;
        }
        server.close();
        postgres = EmbeddedPostgres.start(folder.postgres(), ports.postgres());
    }

    @Override
    public void close() {
        closed = true;
        for (FaultyLink link : links.values()) {
            tolerate(link::close);
        }
        // The servers last: who waits for them would take its time.
        victims.forEach((target, victim) -> {
            if (target != Target.KAFKA) {
                tolerate(victim::close);
            }
        });
        synchronized (this) {
            if (postgres != null) {
                postgres.close();
            }
        }
        Victim kafka = victims.get(Target.KAFKA);
        if (kafka != null) {
            tolerate(kafka::close);
        }
        if (disk != null) {
            tolerate(disk::close);
        }
        http.close();
    }

    private interface Closing {
        void close() throws IOException;
    }

    private void tolerate(Closing closing) {
        try {
            closing.close();
        } catch (IOException e) {
            notices.accept("not closed in peace: " + e.getMessage());
        }
    }

    private synchronized EmbeddedPostgres postgres() {
        return present(postgres, "PostgreSQL");
    }

    private SmallDisk disk() {
        return present(disk, "the small disk");
    }

    private Victim victim(Target target) {
        return present(victims.get(target), target.label());
    }

    private FaultyLink link(Target target) {
        return present(links.get(target), target.label());
    }

    private FakeClock clock(Target target) {
        return present(clocks.get(target), target.label());
    }

    private static <T> T present(@Nullable T value, String name) {
        if (value == null) {
            throw new IllegalStateException(name + " is not there");
        }
        return value;
    }
}
