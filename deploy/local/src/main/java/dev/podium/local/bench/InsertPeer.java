package dev.podium.local.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The inserts of a ranking alone, in the one transaction in which feedback-api makes them, on the same PostgreSQL: ranking,
 * answer, event, and the lease of the next task. By pgbench; where that is not installed by a loop over JDBC. They go to
 * twins of the tables, so that nobody takes them for rankings. The tasks are those that labelers would be given: each
 * client goes from one to the next, and every tenth is drawn.
 */
final class InsertPeer {
    private static final Pattern TPS = Pattern.compile("tps = ([0-9.]+)");
    private static final List<String> TABLES = List.of("lease", "ranking", "idempotent_answer", "outbox");
    private static final String PAYLOAD = "x".repeat(620);
    private static final String SHA256 = "0".repeat(64);
    private static final String ANSWER = "x".repeat(110);
    private static final String TRACE = "0".repeat(55);

    private final FeedbackStore store;
    private final String jdbcUrl;
    private final String user;
    private final String password;
    private final Optional<Path> pgbench = findPgbench();
    private int run;

    InsertPeer(FeedbackStore store, String jdbcUrl, String user, String password) {
        this.store = store;
        this.jdbcUrl = jdbcUrl;
        this.user = user;
        this.password = password;
    }

    /** What the figures call it. */
    String name() {
        return pgbench.isPresent() ? "pgbench" : "jdbc_loop";
    }

    /** Makes the twins. */
    void prepare() throws SQLException {
        store.execute("drop schema if exists peer cascade", "create schema peer");
        for (String table : TABLES) {
            store.execute("create table peer." + table + " (like public." + table + " including all)");
        }
        store.execute(
                "alter table peer.lease add foreign key (task_id) references public.task",
                "alter table peer.ranking add foreign key (task_id) references public.task");
    }

    /** Rankings per second. */
    double measure(String project, int tasks, int clients, Duration time)
            throws IOException, InterruptedException, SQLException {
        run++;
        return pgbench.isPresent()
                ? byPgbench(pgbench.get(), project, tasks, clients, time)
                : byJdbc(project, tasks, clients, time);
    }

    private double byPgbench(Path binary, String project, int tasks, int clients, Duration time)
            throws IOException, InterruptedException {
        Path script = Files.createTempFile("podium-bench-", ".sql");
        try {
            Files.writeString(script, script(project, tasks));
            List<String> command = new ArrayList<>(List.of(
                    binary.toString(),
                    "--no-vacuum",
                    "--protocol=prepared",
                    "--client=" + clients,
                    "--jobs=2",
                    "--time=" + time.toSeconds(),
                    "--define=k=0",
                    "--define=run=" + run,
                    "--file=" + script,
                    jdbcUrl.substring("jdbc:".length())));
            command.set(command.size() - 1, command.getLast().replace("postgresql://", "postgresql://" + user + "@"));
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().put("PGPASSWORD", password);
            Process process = builder.start();
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int exit = process.waitFor();
            Matcher tps = TPS.matcher(printed);
            if (exit != 0 || !tps.find()) {
                throw new IOException("pgbench ended with " + exit + ": " + printed);
            }
            return Double.parseDouble(tps.group(1));
        } finally {
            Files.delete(script);
        }
    }

    private static String script(String project, int tasks) {
        return """
                \\set k :k + 1
                \\set t (7 * :client_id + :k) %% %1$d
                \\if random(1, 10) = 1
                \\set t random(0, %1$d - 1)
                \\endif
                begin;
                insert into peer.ranking (task_id, labeler, project_id, revision, retracted, shown_order, body, submitted_at, duration_millis, shown_count, winner_position) values ('%2$s-' || :t, 'l' || :run || '-' || :client_id || '-' || :k, '%2$s', 1, false, 'a-0 a-1 a-2 a-3', '%3$s', now(), 20000, 4, 1);
                insert into peer.idempotent_answer (person, key, request_sha256, status, body, created_at) values ('l' || :client_id, :run || '-' || :client_id || '-' || :k, '%4$s', 201, '%5$s', now());
                insert into peer.outbox (id, aggregatetype, aggregateid, type, payload, subject, created_at, traceparent) values (gen_random_uuid()::text, 'rlhf.rankings.v1', '%2$s-' || :t, 'dev.podium.RankingSubmitted.v1', '%3$s', '%2$s-' || :t, now(), '%6$s');
                insert into peer.lease (task_id, project_id, labeler, shown_order, granted_at, expires_at) values ('%2$s-' || :t, '%2$s', 'l' || :run || '-' || :client_id || '-' || :k, '', now(), now());
                end;
                """.formatted(tasks, project, PAYLOAD, SHA256, ANSWER, TRACE);
    }

    private double byJdbc(String project, int tasks, int clients, Duration time)
            throws InterruptedException, IOException {
        List<Future<Long>> done = new ArrayList<>();
        long until = System.nanoTime() + time.toNanos();
        try (ExecutorService threads = Executors.newFixedThreadPool(clients)) {
            for (int i = 0; i < clients; i++) {
                int client = i;
                done.add(threads.submit(() -> loop(project, tasks, client, until)));
            }
        }
        try {
            long all = 0;
            for (Future<Long> each : done) {
                all += each.get();
            }
            return all / (double) time.toSeconds();
        } catch (ExecutionException e) {
            throw new IOException("the loop of inserts failed", e.getCause());
        }
    }

    private long loop(String project, int tasks, int client, long until) throws SQLException {
        long n = 0;
        try (Connection connection = DriverManager.getConnection(jdbcUrl, user, password)) {
            connection.setAutoCommit(false);
            try (PreparedStatement ranking = connection.prepareStatement(
                            "insert into peer.ranking (task_id, labeler, project_id, revision, retracted, shown_order,"
                                    + " body, submitted_at, duration_millis, shown_count, winner_position)"
                                    + " values (?, ?, ?, 1, false, 'a-0 a-1 a-2 a-3', ?, now(), 20000, 4, 1)");
                    PreparedStatement answer =
                            connection.prepareStatement("insert into peer.idempotent_answer (person, key,"
                                    + " request_sha256, status, body, created_at) values (?, ?, ?, 201, ?, now())");
                    PreparedStatement event = connection.prepareStatement("insert into peer.outbox (id, aggregatetype,"
                            + " aggregateid, type, payload, subject, created_at, traceparent)"
                            + " values (gen_random_uuid()::text, 'rlhf.rankings.v1', ?,"
                            + " 'dev.podium.RankingSubmitted.v1', ?, ?, now(), ?)");
                    PreparedStatement lease = connection.prepareStatement("insert into peer.lease (task_id, project_id,"
                            + " labeler, shown_order, granted_at, expires_at) values (?, ?, ?, '', now(), now())")) {
                SplittableRandom random = new SplittableRandom(client);
                while (System.nanoTime() < until) {
                    long t = random.nextInt(10) == 0 ? random.nextInt(tasks) : (n + 7L * client) % tasks;
                    String task = project + "-" + t;
                    String who = "l" + run + "-" + client + "-" + n;
                    fill(ranking, task, who, project, PAYLOAD);
                    fill(answer, "l" + client, run + "-" + client + "-" + n, SHA256, ANSWER);
                    fill(event, task, PAYLOAD, task, TRACE);
                    fill(lease, task, project, who);
                    connection.commit();
                    n++;
                }
            }
        }
        return n;
    }

    private static void fill(PreparedStatement statement, String... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            statement.setString(i + 1, values[i]);
        }
        statement.executeUpdate();
    }

    private static Optional<Path> findPgbench() {
        Stream<Path> onPath = Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, "pgbench"));
        Stream<Path> debian =
                Stream.of("18", "17", "16", "15", "14").map(v -> Path.of("/usr/lib/postgresql", v, "bin/pgbench"));
        return Stream.concat(onPath, debian).filter(Files::isExecutable).findFirst();
    }
}
