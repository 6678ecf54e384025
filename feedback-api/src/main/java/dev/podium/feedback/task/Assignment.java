package dev.podium.feedback.task;

import dev.podium.contracts.Output;
import dev.podium.contracts.Task;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.rest.UncheckedSqlException;
import io.agroal.api.AgroalDataSource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Gives each labeler the next task. A task has exactly {@code overlap} places; a place is taken by a lease or a ranking,
 * counted in the task's row under its lock, so that fifty labelers who ask at once never get one place twice. What is
 * chosen is the matter of the SQL function {@code next_task}: the highest priority first, within it the most uncertain
 * task, or for a share of the requests one drawn uniformly.
 */
@Singleton
public class Assignment {
    private final AgroalDataSource database;
    private final LeaseIds leaseIds;
    private final KnownTasks tasks;
    private final Walks walks;
    private final Duration leaseTime;

    Assignment(
            AgroalDataSource database,
            LeaseIds leaseIds,
            KnownTasks tasks,
            Walks walks,
            @ConfigProperty(name = "podium.lease.minutes") int leaseMinutes) {
        this.database = database;
        this.leaseIds = leaseIds;
        this.tasks = tasks;
        this.walks = walks;
        this.leaseTime = Duration.ofMinutes(leaseMinutes);
    }

    /** A task that a labeler holds, until when, the order in which the outputs are shown, and whether there is a draft. */
    public record Assigned(
            KnownTasks.Known known, UUID leaseId, List<String> order, Instant expiresAt, boolean drafted) {
        /** Its id. */
        public String taskId() {
            return known.task().taskId();
        }

        /** As its labeler sees it. */
        public TaskView view(TaskView.@Nullable Draft draft) {
            return TaskView.of(known, order, new TaskView.LeaseView(leaseId.toString(), expiresAt), 0, null, draft);
        }
    }

    /**
     * What somebody asks for: the parameters of {@code take_task} behind project and labeler. Others ask along with a
     * statement of their own.
     */
    public final class Question {
        private final String project;
        private final String labeler;
        private final @Nullable String after;
        private final Instant now;
        private final Walks.Place from;

        private Question(String project, String labeler, @Nullable String after, Instant now, Walks.Place from) {
            this.project = project;
            this.labeler = labeler;
            this.after = after;
            this.now = now;
            this.from = from;
        }

        /** {@code in_after} to {@code in_draw}: six parameters. */
        public List<@Nullable Object> what() {
            RandomGenerator random = ThreadLocalRandom.current();
            return Arrays.asList(
                    after,
                    time(now),
                    time(now.plus(leaseTime)),
                    random.nextDouble(),
                    random.nextDouble(),
                    random.nextDouble());
        }

        /** {@code in_from_...}: four parameters. */
        public List<Object> from() {
            return List.of(from.priority(), from.urgency(), from.disagreement(), from.position());
        }

        /**
         * What was given.
         *
         * @throws Refusal 404 without such a project; 403 {@code labeler_paused}
         */
        public Optional<Assigned> given(Given given) {
            return switch (given.status()) {
                case "unknown" -> throw Refusal.notFound("Project " + project);
                case "paused" -> throw paused(given.reason());
                case "none" -> Optional.empty();
                default -> {
                    if (given.at() != null) {
                        walks.reached(project, labeler, given.at());
                    }
                    KnownTasks.Known known = tasks.of(given.taskId(), given.body());
                    yield Optional.of(new Assigned(
                            known,
                            leaseIds.of(given.taskId(), labeler),
                            order(given.shownOrder(), known.task(), labeler),
                            now.plus(leaseTime),
                            given.drafted()));
                }
            };
        }
    }

    /**
     * A row of what {@code take_task} gives, as it comes.
     *
     * @param at where the walk ended; null where there was none
     */
    public record Given(
            String status,
            String taskId,
            String shownOrder,
            String body,
            @Nullable String reason,
            boolean drafted,
            Walks.@Nullable Place at) {
        /** Its columns, in this order. */
        public static final String COLUMNS =
                "status, task_id, shown_order, body, reason, drafted, at_priority, at_urgency,"
                        + " at_disagreement, at_position";

        /** Reads {@link #COLUMNS} from the one behind {@code i} on. */
        public static Given read(ResultSet row, int i) throws SQLException {
            long position = row.getLong(i + 10);
            Walks.Place at = row.wasNull()
                    ? null
                    : new Walks.Place(row.getInt(i + 7), row.getFloat(i + 8), row.getFloat(i + 9), position);
            return new Given(
                    row.getString(i + 1),
                    orEmpty(row.getString(i + 2)),
                    orEmpty(row.getString(i + 3)),
                    orEmpty(row.getString(i + 4)),
                    row.getString(i + 5),
                    row.getBoolean(i + 6),
                    at);
        }

        private static String orEmpty(@Nullable String text) {
            return text == null ? "" : text;
        }
    }

    /**
     * The task a labeler is on, or the next one; empty when nothing is left. Not inside a transaction.
     *
     * @param after the task the labeler is on, when the one behind it is wanted before that is done
     * @throws Refusal 404 without such a project; 403 {@code labeler_paused}
     */
    public Optional<Assigned> next(String project, String labeler, @Nullable String after) {
        Question question = question(project, labeler, after, Clock.systemUTC().instant());
        try (Connection connection = database.getConnection()) {
            Optional<Assigned> given = ask(connection, question, false);
            if (given.isPresent()) {
                return given;
            }
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
        return lookAround(question);
    }

    /** A question to ask along with something else: from where the labeler's walk has come. */
    public Question question(String project, String labeler, @Nullable String after, Instant now) {
        return new Question(project, labeler, after, now, walks.begin(project, labeler));
    }

    /**
     * Nothing was found behind the labeler's place: what ran out is freed, and all is looked at. Each by itself: two who
     * wait for a task with the locks of what they have freed in hand might wait for one another.
     */
    private Optional<Assigned> lookAround(Question asked) {
        Question fromTheBeginning = new Question(asked.project, asked.labeler, asked.after, asked.now, Walks.BEGINNING);
        int freed = releaseExpired(asked.project, asked.now);
        try (Connection connection = database.getConnection()) {
            Optional<Assigned> given = Optional.empty();
            if (freed > 0 || asked.from != Walks.BEGINNING) {
                given = ask(connection, fromTheBeginning, false);
            }
            // A task that is locked just now, by a submission say, may have a place all the same: nothing is left only
            // when none is left of those either.
            return given.isPresent() ? given : ask(connection, fromTheBeginning, true);
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    private static Optional<Assigned> ask(Connection connection, Question question, boolean wait) throws SQLException {
        try (PreparedStatement ask = connection.prepareStatement(
                "select " + Given.COLUMNS + " from take_task(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            List<@Nullable Object> values = new ArrayList<>(List.of(question.project, question.labeler));
            values.addAll(question.what());
            values.add(wait);
            values.addAll(question.from());
            for (int i = 0; i < values.size(); i++) {
                ask.setObject(i + 1, values.get(i));
            }
            try (ResultSet row = ask.executeQuery()) {
                row.next();
                return question.given(Given.read(row, 0));
            }
        }
    }

    /** The order in which a labeler sees a task's outputs: as it is stored, or their own. */
    public static List<String> order(String stored, Task task, String labeler) {
        return stored.isEmpty() ? shuffled(task, labeler) : List.of(stored.split("\n"));
    }

    /** The refusal of somebody who may not go on for now. */
    public static Refusal paused(@Nullable String reason) {
        return new Refusal(
                403,
                "labeler_paused",
                "Your work in this project is paused: " + (reason == null ? "an operator has asked for it" : reason)
                        + ". Talk to the people who run the project; an operator can let you go on.");
    }

    /**
     * A sign of life: the lease runs from now, also one that ran out and whose place nobody has wanted. One statement, which
     * is committed by itself: not inside a transaction.
     *
     * @return until when the lease runs
     * @throws Refusal 409 {@code lease_expired}
     */
    public Instant extend(String project, String taskId, String labeler) {
        Instant now = Clock.systemUTC().instant();
        Instant until = now.plus(leaseTime);
        try (Connection connection = database.getConnection();
                PreparedStatement extend = connection.prepareStatement(
                        "update lease set expires_at = ? where task_id = ? and labeler = ? and project_id = ?")) {
            extend.setObject(1, time(until));
            extend.setString(2, taskId);
            extend.setString(3, labeler);
            extend.setString(4, project);
            if (extend.executeUpdate() == 1) {
                return until;
            }
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
        throw new Refusal(
                409,
                "lease_expired",
                "You do not hold this task any more. What you have written can still be submitted while the task has a"
                        + " free place.");
    }

    /** Gives a task back before its lease runs out; harmless when it is not held. Must run in a transaction. */
    public void release(String project, String taskId, String labeler) {
        try (Connection connection = database.getConnection()) {
            try (PreparedStatement lock =
                    connection.prepareStatement("select 1 from task where id = ? and project_id = ? for update")) {
                lock.setString(1, taskId);
                lock.setString(2, project);
                lock.executeQuery().close();
            }
            try (PreparedStatement release = connection.prepareStatement(
                    "with gone as (delete from lease where task_id = ? and project_id = ? and labeler = ?"
                            + " returning task_id)"
                            + " update task set taken = taken - 1 from gone where task.id = gone.task_id")) {
                release.setString(1, taskId);
                release.setString(2, project);
                release.setString(3, labeler);
                release.executeUpdate();
            }
            walks.forget(project);
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    /** The order for one labeler: random over labelers, the same whenever this labeler sees the task. */
    public static List<String> shuffled(Task task, String labeler) {
        List<String> ids =
                new ArrayList<>(task.outputs().stream().map(Output::id).sorted().toList());
        UUID seed = UUID.nameUUIDFromBytes((task.taskId() + "\n" + labeler).getBytes(StandardCharsets.UTF_8));
        Collections.shuffle(ids, new Random(seed.getMostSignificantBits() ^ seed.getLeastSignificantBits()));
        return ids;
    }

    /** Frees places also where nobody asks, so that what is shown as open is. */
    @Scheduled(every = "1m", delayed = "1m", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void releaseExpired() {
        Instant now = Clock.systemUTC().instant();
        for (String project : QuarkusTransaction.requiringNew().call(() -> withExpired(now))) {
            releaseExpired(project, now);
        }
    }

    private int releaseExpired(String project, Instant now) {
        return QuarkusTransaction.requiringNew().call(() -> {
            try (Connection connection = database.getConnection()) {
                return releaseExpired(connection, project, now);
            } catch (SQLException e) {
                throw new UncheckedSqlException(e);
            }
        });
    }

    private List<String> withExpired(Instant now) {
        try (Connection connection = database.getConnection();
                PreparedStatement query =
                        connection.prepareStatement("select distinct project_id from lease where expires_at < ?")) {
            query.setObject(1, time(now));
            List<String> projects = new ArrayList<>();
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    projects.add(rows.getString(1));
                }
            }
            return projects;
        } catch (SQLException e) {
            throw new UncheckedSqlException(e);
        }
    }

    /**
     * Frees the places of leases that ran out. Locks the tasks before their leases, as whoever submits does, and leaves
     * out the tasks that somebody works on just now.
     */
    private int releaseExpired(Connection connection, String project, Instant now) throws SQLException {
        List<String> tasks = new ArrayList<>();
        try (PreparedStatement lock = connection.prepareStatement(
                "select id from task where id in (select task_id from lease where project_id = ?"
                        + " and expires_at < ? limit 1000) order by id for update skip locked")) {
            lock.setString(1, project);
            lock.setObject(2, time(now));
            try (ResultSet rows = lock.executeQuery()) {
                while (rows.next()) {
                    tasks.add(rows.getString(1));
                }
            }
        }
        if (tasks.isEmpty()) {
            return 0;
        }
        walks.forget(project);
        try (PreparedStatement free = connection.prepareStatement(
                "with gone as (delete from lease where task_id = any(?) and expires_at < ? returning task_id)"
                        + " update task set taken = taken - freed.places"
                        + " from (select task_id, count(*) as places from gone group by task_id) freed"
                        + " where task.id = freed.task_id")) {
            free.setArray(1, connection.createArrayOf("text", tasks.toArray()));
            free.setObject(2, time(now));
            return free.executeUpdate();
        }
    }

    private static OffsetDateTime time(Instant instant) {
        return instant.atOffset(ZoneOffset.UTC);
    }
}
