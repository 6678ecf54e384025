package dev.podium.embedded;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The real PostgreSQL server as a child process. Data survive a restart. The server ends with this JVM, whatever ended
 * that: a guard beside it reads a pipe of the JVM, and stops the server at its end. One that was left behind all the same
 * is stopped by the next start on the same folder.
 *
 * <p>Folder: {@code data} (the cluster), {@code password} (mode 600), {@code server.log}, {@code lock}.
 */
public final class EmbeddedPostgres implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedPostgres.class);
    private static final String USER = "podium";
    private static final String DATABASE = "podium";
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(20);
    /** Ends what is its first argument when nobody holds its standard input any more. */
    private static final String GUARD = "trap '' INT HUP; while read -r line; do :; done; kill -INT \"$1\"";

    private final Process process;
    private final Process guard;
    private final FileChannel lock;
    private final int port;
    private final String password;
    private boolean closed;

    private EmbeddedPostgres(Process process, Process guard, FileChannel lock, int port, String password) {
        this.process = process;
        this.guard = guard;
        this.lock = lock;
        this.port = port;
        this.password = password;
    }

    /**
     * Starts a server that survives a power cut, and returns when it answers.
     *
     * @param folder made and initialised when missing
     * @param port on 127.0.0.1; 0 takes a free one
     */
    public static EmbeddedPostgres start(Path folder, int port) throws IOException {
        return start(folder, port, true);
    }

    /**
     * Starts a server and returns when it answers.
     *
     * @param durable false skips fsync, which is good enough for tests
     */
    public static EmbeddedPostgres start(Path folder, int port, boolean durable) throws IOException {
        Path home = Files.createDirectories(folder).toAbsolutePath();
        FileChannel lock = lock(home);
        try {
            Path data = home.resolve("data");
            stopLeftover(data);
            Path bin = PostgresBinaries.folder().resolve("bin");
            List<String> prefix = PostgresUser.prefix();
            if (!Files.exists(data.resolve("PG_VERSION"))) {
                // Aside first: a kill in the middle leaves nothing that looks like a database.
                Path aside = home.resolve("data.new");
                deleteTree(aside);
                deleteTree(data);
                initialise(home, aside, bin, prefix);
                Files.move(aside, data, StandardCopyOption.ATOMIC_MOVE);
            }
            PostgresUser.giveTo(prefix, data);
            String password = Files.readString(home.resolve("password")).strip();
            int chosen = FreePort.orFree(port);
            Process process = launch(home, data, bin, prefix, chosen, durable);
            EmbeddedPostgres server = new EmbeddedPostgres(process, guard(process), lock, chosen, password);
            try {
                server.awaitReady(home.resolve("server.log"));
            } catch (IOException | RuntimeException e) {
                server.close();
                throw e;
            }
            return server;
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /**
     * Stops the server that a killed JVM left behind on the folder, if there is one; {@link #start(Path, int)} does so,
     * too.
     *
     * @return whether there was one
     */
    public static boolean reap(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        Path home = folder.toAbsolutePath();
        try (FileChannel held = lock(home)) {
            return held.isOpen() && stopLeftover(home.resolve("data"));
        }
    }

    /** URL of the database that belongs to Podium alone. */
    public String jdbcUrl() {
        return jdbcUrl(DATABASE);
    }

    public String username() {
        return USER;
    }

    public String password() {
        return password;
    }

    public int port() {
        return port;
    }

    /** Process id of the server. */
    public long pid() {
        return process.pid();
    }

    /** Whether the server still runs; it may have been killed from outside. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Stops the server: connections are cut, the data are flushed. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            stop(process.toHandle());
            guard.toHandle().destroyForcibly();
            lock.close();
        } catch (IOException e) {
            LOG.warn("PostgreSQL did not stop cleanly", e);
        }
    }

    private String jdbcUrl(String database) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
    }

    private static FileChannel lock(Path home) throws IOException {
        FileChannel channel =
                FileChannel.open(home.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            LOG.debug("held by this process", e);
        }
        channel.close();
        throw new IOException("PostgreSQL already runs on " + home + "; stop it or take another folder");
    }

    /** Nobody holds the lock; so what the pid file names has lost its JVM, if it is a server of this folder. */
    private static boolean stopLeftover(Path data) throws IOException {
        Path pidFile = data.resolve("postmaster.pid");
        if (!Files.exists(pidFile)) {
            return false;
        }
        List<String> lines = Files.readAllLines(pidFile);
        Optional<ProcessHandle> leftover = lines.isEmpty()
                ? Optional.empty()
                : ProcessHandle.of(Long.parseLong(lines.get(0).strip()))
                        .filter(handle -> handle.info().command().orElse("").endsWith("postgres"))
                        .filter(handle -> worksIn(data, handle.pid(), lines));
        if (leftover.isPresent()) {
            LOG.info(
                    "stopping the PostgreSQL server {} that an earlier run left",
                    leftover.get().pid());
            stop(leftover.get());
        }
        Files.deleteIfExists(pidFile);
        return leftover.isPresent();
    }

    /** A copied folder names the server of the folder that it was copied from; one that was moved is found by Linux. */
    private static boolean worksIn(Path data, long pid, List<String> pidFile) {
        Path folder = Path.of("/proc", Long.toString(pid), "cwd");
        try {
            return Files.isSameFile(data, Files.exists(folder) ? folder : Path.of(pidFile.get(1)));
        } catch (IOException | IndexOutOfBoundsException e) {
            return false;
        }
    }

    private static void initialise(Path home, Path data, Path bin, List<String> prefix) throws IOException {
        byte[] random = new byte[16];
        new SecureRandom().nextBytes(random);
        Path password = home.resolve("password");
        Files.deleteIfExists(password);
        Files.createFile(password, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(password, HexFormat.of().formatHex(random));
        // initdb does not follow a password file that another user owns, so the folder is handed over first.
        Files.createDirectories(data);
        Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwx------"));
        PostgresUser.giveTo(prefix, data);
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of(
                bin.resolve("initdb").toString(),
                "--pgdata=" + data,
                "--username=" + USER,
                "--pwfile=" + password,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-sync"));
        Path log = home.resolve("initdb.log");
        Process initdb = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        // Its handle may say that it has ended before its exit value is there.
        if (ended(initdb) && initdb.exitValue() == 0) {
            return;
        }
        initdb.destroyForcibly();
        throw new IOException("cannot initialise PostgreSQL in " + data + ":\n" + Files.readString(log));
    }

    private static void deleteTree(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private static boolean ended(Process process) throws IOException {
        try {
            return process.waitFor(START_TIMEOUT.toMillis(), java.util.concurrent.TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while PostgreSQL was initialised", e);
        }
    }

    private static Process launch(Path home, Path data, Path bin, List<String> prefix, int port, boolean durable)
            throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of(
                bin.resolve("postgres").toString(),
                "-D",
                data.toString(),
                "-p",
                Integer.toString(port),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "shared_buffers=64MB"));
        if (!durable) {
            command.addAll(List.of("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"));
        }
        return new ProcessBuilder(OwnSession.of(command))
                .redirectErrorStream(true)
                .redirectOutput(home.resolve("server.log").toFile())
                .start();
    }

    private static Process guard(Process server) throws IOException {
        try {
            return new ProcessBuilder(OwnSession.of(List.of("sh", "-c", GUARD, "sh", Long.toString(server.pid()))))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            server.destroyForcibly();
            throw e;
        }
    }

    private void awaitReady(Path log) throws IOException {
        long deadlineNanos = System.nanoTime() + START_TIMEOUT.toNanos();
        while (true) {
            try (Connection connection = DriverManager.getConnection(jdbcUrl("postgres"), USER, password)) {
                createDatabase(connection);
                return;
            } catch (SQLException e) {
                if (!process.isAlive() || System.nanoTime() > deadlineNanos) {
                    throw new IOException("PostgreSQL did not start:\n" + Files.readString(log), e);
                }
                await(process.toHandle(), Duration.ofMillis(30));
            }
        }
    }

    /** An own database: migration tools refuse a schema that is not empty. */
    private static void createDatabase(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet found =
                        statement.executeQuery("select 1 from pg_database where datname = '" + DATABASE + "'")) {
            if (found.next()) {
                return;
            }
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("create database " + DATABASE);
        }
    }

    /** SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client. */
    private static void stop(ProcessHandle server) throws IOException {
        if (server.isAlive()) {
            Process kill = new ProcessBuilder("kill", "-INT", Long.toString(server.pid()))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            await(kill.toHandle(), STOP_TIMEOUT);
            if (!await(server, STOP_TIMEOUT)) {
                server.destroyForcibly();
                await(server, STOP_TIMEOUT);
            }
        }
    }

    private static boolean await(ProcessHandle handle, Duration timeout) throws IOException {
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        while (handle.isAlive()) {
            if (System.nanoTime() > deadlineNanos) {
                return false;
            }
            try {
                TimeUnit.MILLISECONDS.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while waiting for PostgreSQL", e);
            }
        }
        return true;
    }
}
