package dev.podium.local.stack;

import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.ManifestSigner;
import dev.podium.contracts.adapter.SigningKey;
import dev.podium.embedded.EmbeddedKafka;
import dev.podium.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/**
 * A running stack: broker and PostgreSQL, and each application as a supervised child process.
 *
 * <pre>
 *   lock the folder -> reap leftovers -> Kafka and PostgreSQL -> all applications at once -> ready
 *   close: applications -> PostgreSQL -> Kafka -> unlock
 * </pre>
 */
public final class LocalStack implements AutoCloseable {
    private static final Duration READY_TIMEOUT = Duration.ofMinutes(4);
    private static final int MAX_RESTARTS_WHILE_STARTING = 2;
    private static final Duration LET_OTHERS_END = Duration.ofSeconds(10);
    private static final Duration SERVER_CHECK = Duration.ofSeconds(2);

    private final StackOptions options;
    private final FileChannel lock;
    private final Map<Application, SupervisedProcess> processes =
            Collections.synchronizedMap(new EnumMap<>(Application.class));
    private @Nullable EmbeddedKafka kafka;
    private @Nullable EmbeddedPostgres postgres;
    private @Nullable Operator operator;
    private final Thread hook = new Thread(this::close, "stop-stack");
    private volatile boolean closed;

    private LocalStack(StackOptions options, FileChannel lock) {
        this.options = options;
        this.lock = lock;
    }

    /** Starts everything and returns when every application is ready. */
    public static LocalStack start(StackOptions options) throws StackException {
        try {
            options.folder().create();
            LocalStack stack = new LocalStack(options, lock(options.folder()));
            // From now on, so that a Ctrl-C while it starts leaves nothing behind either.
            Runtime.getRuntime().addShutdownHook(stack.hook);
            try {
                stack.startAll();
                return stack;
            } catch (StackException | IOException | RuntimeException e) {
                stack.close();
                throw e;
            }
        } catch (IOException e) {
            throw new StackException("the stack does not start: " + e.getMessage(), e);
        }
    }

    /** Address of feedback-api, without a slash at the end. */
    public String url() {
        return "http://localhost:" + options.ports().first();
    }

    /** Address of one application. */
    public String url(Application application) {
        return "http://localhost:" + options.ports().of(application);
    }

    public String bootstrapServers() {
        return present(kafka).bootstrapServers();
    }

    /** Address of feedback-api's database. */
    public String jdbcUrl() {
        return present(postgres).jdbcUrl();
    }

    /** Who owns the database. */
    public String jdbcUser() {
        return present(postgres).username();
    }

    /** The owner's password. */
    public String jdbcPassword() {
        return present(postgres).password();
    }

    public Operator operator() {
        return present(operator);
    }

    public StackFolder folder() {
        return options.folder();
    }

    /** Kills an application as a crash would; it is started again. */
    public void kill(Application application) {
        process(application).kill();
    }

    /** How often an application was started again. */
    public int restarts(Application application) {
        return process(application).restarts();
    }

    /** Waits until an application answers that it is ready. */
    public void awaitReady(Application application) throws StackException {
        long deadlineNanos = System.nanoTime() + READY_TIMEOUT.toNanos();
        SupervisedProcess process = process(application);
        URI health = URI.create(url(application) + "/q/health/ready");
        try (HttpClient client = HttpClient.newHttpClient()) {
            while (!isReady(client, health)) {
                if (closed) {
                    throw new StackException("stopped while " + application.label() + " started");
                }
                if (System.nanoTime() > deadlineNanos || process.restarts() > MAX_RESTARTS_WHILE_STARTING) {
                    throw new StackException(application.label() + " does not become ready. The end of "
                            + options.folder().logs().resolve(application.label() + ".log") + ":\n"
                            + process.logTail(30));
                }
                pause();
            }
        }
    }

    /** Stops the applications, then the servers; data stay. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        forgetHook();
        List<SupervisedProcess> running = List.copyOf(processes.values());
        running.forEach(SupervisedProcess::stop);
        running.forEach(process -> {
            try {
                process.close();
            } catch (IOException e) {
                options.notices().accept("a process did not stop cleanly: " + e.getMessage());
            }
        });
        if (postgres != null) {
            postgres.close();
        }
        if (kafka != null) {
            kafka.close();
        }
        try {
            Files.deleteIfExists(options.folder().stateFile());
            lock.close();
        } catch (IOException e) {
            options.notices().accept("the folder stays locked: " + e.getMessage());
        }
    }

    private void forgetHook() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is going down: the hook is what runs.
        }
    }

    /** Keeps what has started, or ends it at once where the stack was closed meanwhile. */
    private synchronized void keep(AutoCloseable server, Runnable keep) throws Exception {
        if (closed) {
            server.close();
            throw new StackException("stopped while it started");
        }
        keep.run();
    }

    private void startAll() throws StackException, IOException {
        reapLeftovers(options.folder()).forEach(options.notices());
        List<String> taken = options.ports().taken();
        if (!taken.isEmpty()) {
            throw new StackException("ports are taken: " + String.join(", ", taken)
                    + ". Stop what listens there, or choose another first port, as in PODIUM_HTTP_PORT=18080");
        }
        startServers();
        signWhatWasThere();
        Thread.ofPlatform().daemon().name("watch-postgres").start(this::watchPostgres);
        operator = new Operator(url(), "operator", options.folder().secret(Operator.PASSWORD_FILE, 15));
        present(operator).write(options.folder());
        for (Application application : options.applications()) {
            startApplication(application);
        }
        state().write(options.folder());
        inParallel(options.applications().stream()
                .<CheckedRunnable>map(application -> () -> {
                    awaitReady(application);
                    options.notices().accept(application.label() + " is ready at " + url(application));
                })
                .toList());
    }

    /** A stack that is older than a key has records that nobody signed: they are this machine's own. */
    private void signWhatWasThere() throws StackException, IOException {
        StackFolder folder = options.folder();
        if (folder.makeSigningKey()) {
            sign("adapters", Topics.ADAPTERS, folder.signingKeyFile(), ManifestSigner::sign);
        }
        if (folder.makePointerKey()) {
            sign("channels", Topics.CHANNELS, folder.pointerKeyFile(), ManifestSigner::signPointers);
        }
    }

    private interface Signer {
        List<ManifestSigner.Found> sign(Map<String, ?> kafka, SigningKey key, Predicate<ManifestSigner.Found> wanted);
    }

    private void sign(String what, String topic, Path keyFile, Signer signer) throws StackException, IOException {
        SigningKey key = SigningKey.read(keyFile);
        Map<String, Object> client = Map.of("bootstrap.servers", bootstrapServers());
        try (Admin admin = Admin.create(client)) {
            if (admin.listTopics().names().get().contains(topic)) {
                int signed = signer.sign(client, key, found -> found.keyId().isEmpty())
                        .size();
                if (signed > 0) {
                    options.notices().accept("signed " + signed + " " + what + " of before by the new key " + key.id());
                }
            }
        } catch (ExecutionException | KafkaException e) {
            // The next start makes a key again, and tries again.
            Files.deleteIfExists(keyFile);
            throw new StackException("the " + what + " of before cannot be signed: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StackException("interrupted while the stack started", e);
        }
    }

    /** PostgreSQL is a process of its own, which the kernel's memory killer may choose. */
    private void watchPostgres() {
        while (!closed) {
            try {
                Thread.sleep(SERVER_CHECK);
                startPostgresAgain();
            } catch (InterruptedException e) {
                return;
            } catch (IOException e) {
                options.notices().accept("PostgreSQL does not start again, trying on: " + e.getMessage());
            }
        }
    }

    private synchronized void startPostgresAgain() throws IOException {
        EmbeddedPostgres server = postgres;
        if (closed || server == null || server.isAlive()) {
            return;
        }
        options.notices().accept("PostgreSQL has ended; starting it again");
        server.close();
        postgres = EmbeddedPostgres.start(
                options.folder().postgres(), options.ports().postgres());
        options.notices().accept("PostgreSQL is ready again");
    }

    /**
     * Ends what a launcher that was killed has left behind in its folder.
     *
     * @return what it was, one line each
     */
    public static List<String> endLeftovers(StackFolder folder) throws StackException, IOException {
        if (!Files.isDirectory(folder.pids())) {
            return List.of();
        }
        if (folder.isLocked()) {
            throw new StackException("a stack starts or stops in " + folder.home() + "; try again in a moment");
        }
        try (FileChannel held = lock(folder)) {
            return held.isOpen() ? reapLeftovers(folder) : List.of();
        }
    }

    private static List<String> reapLeftovers(StackFolder folder) throws IOException {
        List<String> reaped = new ArrayList<>();
        for (Application application : Application.values()) {
            if (pidFile(folder, application).reap()) {
                reaped.add("stopped a " + application.label() + " that an earlier run left behind");
            }
        }
        if (EmbeddedPostgres.reap(folder.postgres())) {
            reaped.add("stopped a PostgreSQL that an earlier run left behind");
        }
        return reaped;
    }

    private void startServers() throws StackException {
        StackFolder folder = options.folder();
        Ports ports = options.ports();
        inParallel(List.of(
                () -> {
                    EmbeddedKafka started = EmbeddedKafka.start(folder.kafka(), ports.kafka());
                    keep(started, () -> kafka = started);
                    options.notices()
                            .accept("Kafka is ready at " + present(kafka).bootstrapServers());
                },
                () -> {
                    EmbeddedPostgres started = EmbeddedPostgres.start(folder.postgres(), ports.postgres());
                    keep(started, () -> postgres = started);
                    options.notices()
                            .accept("PostgreSQL is ready at "
                                    + present(postgres).jdbcUrl());
                }));
    }

    private synchronized void startApplication(Application application) throws StackException, IOException {
        if (closed) {
            throw new StackException("stopped while it started");
        }
        SupervisedProcess process = new SupervisedProcess(
                application.label(),
                options.installation().command(application),
                environment(application),
                options.folder().logs().resolve(application.label() + ".log"),
                pidFile(options.folder(), application),
                options.notices());
        processes.put(application, process);
        process.start();
    }

    private Map<String, String> environment(Application application) throws IOException {
        EmbeddedPostgres database = present(postgres);
        Map<String, String> environment = new ApplicationEnvironment(options.folder(), options.ports())
                .of(
                        application,
                        bootstrapServers(),
                        new ApplicationEnvironment.Database(
                                database.jdbcUrl(), database.username(), database.password()));
        environment.putAll(options.environment());
        return environment;
    }

    private StackState state() {
        ProcessHandle self = ProcessHandle.current();
        Map<String, Integer> applications = new TreeMap<>();
        options.applications()
                .forEach(application ->
                        applications.put(application.label(), options.ports().of(application)));
        return new StackState(
                self.pid(),
                StackState.startInstant(self),
                url(),
                bootstrapServers(),
                present(postgres).jdbcUrl(),
                applications);
    }

    private static PidFile pidFile(StackFolder folder, Application application) {
        return new PidFile(folder.pids().resolve(application.label() + ".pid"));
    }

    private SupervisedProcess process(Application application) {
        SupervisedProcess process = processes.get(application);
        if (process == null) {
            throw new IllegalArgumentException(application.label() + " is not part of this stack");
        }
        return process;
    }

    private static FileChannel lock(StackFolder folder) throws IOException, StackException {
        FileChannel channel = FileChannel.open(folder.lockFile(), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        boolean held;
        try {
            held = channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            held = false;
        }
        if (held) {
            return channel;
        }
        channel.close();
        String where = StackState.running(folder).map(StackState::url).orElse("not ready yet");
        throw new StackException("a stack already runs in " + folder.home() + " (" + where
                + "). Stop it by ./podium down, or start another one beside it with PODIUM_HOME and PODIUM_HTTP_PORT");
    }

    private static boolean isReady(HttpClient client, URI health) {
        HttpRequest request =
                HttpRequest.newBuilder(health).timeout(Duration.ofSeconds(10)).build();
        try {
            return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static void pause() throws StackException {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StackException("interrupted while the stack started", e);
        }
    }

    /** Runs the steps at once; the first failure ends the wait, but for a while that lets the others end in order. */
    private static void inParallel(List<CheckedRunnable> steps) throws StackException {
        CompletableFuture<Void> failure = new CompletableFuture<>();
        List<CompletableFuture<Void>> running = new ArrayList<>();
        for (CheckedRunnable step : steps) {
            CompletableFuture<Void> done = new CompletableFuture<>();
            running.add(done);
            Thread.ofPlatform().daemon().start(() -> {
                try {
                    step.run();
                } catch (Exception e) {
                    failure.completeExceptionally(e);
                } finally {
                    done.complete(null);
                }
            });
        }
        CompletableFuture<Void> all = CompletableFuture.allOf(running.toArray(CompletableFuture[]::new));
        try {
            CompletableFuture.anyOf(failure, all).join();
            failure.getNow(null);
        } catch (CompletionException e) {
            all.completeOnTimeout(null, LET_OTHERS_END.toSeconds(), TimeUnit.SECONDS)
                    .join();
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw cause instanceof StackException stackException
                    ? stackException
                    : new StackException(String.valueOf(cause.getMessage()), cause);
        }
    }

    private static <T> T present(@Nullable T value) {
        if (value == null) {
            throw new IllegalStateException("the stack is not started");
        }
        return value;
    }

    private interface CheckedRunnable {
        void run() throws Exception;
    }
}
