package dev.podium.feedback.ranking;

import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.TraceParent;
import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.Api;
import dev.podium.feedback.task.Assignment;
import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What two instances do that write first rankings at the same time, on the real database. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class FirstRankingsTest {
    private static final int TIMES = 60;

    @Inject
    AgroalDataSource database;

    @Inject
    Assignment assignment;

    @Test
    void twoWhoWriteForTheSameLabelersInOppositeOrderNeverWaitForOneAnother() throws Exception {
        // Given two labelers, each at two tasks in two tabs
        String project = Api.project("{\"overlap\":1}");
        Api.tasks(project, 4 * TIMES);
        String ann = Api.person("labeler");
        String bob = Api.person("labeler");
        CyclicBarrier start = new CyclicBarrier(2);
        long deadlocks = number("select deadlocks from pg_stat_database where datname = current_database()");
        try (ExecutorService instances = Executors.newFixedThreadPool(2)) {
            for (int i = 0; i < TIMES; i++) {
                Submission.First annsFirst = ranking(project, ann, take(project, ann, null), true);
                Submission.First annsSecond = ranking(
                        project, ann, take(project, ann, annsFirst.event().taskId()), false);
                Submission.First bobsFirst = ranking(project, bob, take(project, bob, null), true);
                Submission.First bobsSecond = ranking(
                        project, bob, take(project, bob, bobsFirst.event().taskId()), false);

                // When one instance writes for Ann first, whose other task comes along, and the other for Bob
                Future<List<Submission.Outcome>> one =
                        instances.submit(() -> together(start, List.of(annsFirst, bobsSecond)));
                Future<List<Submission.Outcome>> other =
                        instances.submit(() -> together(start, List.of(bobsFirst, annsSecond)));

                // Then what either could not have is written by itself, and nothing is written twice
                alone(List.of(annsFirst, bobsSecond), one.get());
                alone(List.of(bobsFirst, annsSecond), other.get());
            }
        }
        assertEquals(4L * TIMES, number("select count(*) from ranking where project_id = ?", project));
        assertEquals(0, number("select count(*) from lease where project_id = ?", project));
        assertEquals(deadlocks, number("select deadlocks from pg_stat_database where datname = current_database()"));
    }

    @Test
    void aDraftThatIsBeingSavedKeepsNoOtherRankingWaitingAndIsShownToNobodyAfterwards() throws Exception {
        // Given two labelers who are done, and a draft of the first, which an instance has written and does not commit
        String project = Api.project("{\"overlap\":1}");
        Api.tasks(project, 2);
        String ann = Api.person("labeler");
        String bob = Api.person("labeler");
        Submission.First anns = ranking(project, ann, take(project, ann, null), false);
        Submission.First bobs = ranking(project, bob, take(project, bob, null), false);
        String task = anns.event().taskId();
        saveDraft(ann, project, task).then().statusCode(200);
        try (Connection saving = database.getConnection();
                ExecutorService instance = Executors.newSingleThreadExecutor()) {
            saving.setAutoCommit(false);
            try (PreparedStatement save =
                    saving.prepareStatement("update draft set version = version + 1 where task_id = ?")) {
                save.setString(1, task);
                assertEquals(1, save.executeUpdate());

                // When another instance writes both rankings
                Future<List<Submission.Outcome>> both =
                        instance.submit(() -> together(new CyclicBarrier(1), List.of(anns, bobs)));

                // Then it does not wait for the draft
                assertTrue(both.get(10, TimeUnit.SECONDS).stream()
                        .allMatch(outcome -> outcome.written().isPresent()));
            } finally {
                saving.rollback();
                saving.setAutoCommit(true);
            }
        }

        // And the draft that is left is no part of the ranking, and none can follow it
        assertEquals(1, number("select count(*) from draft where task_id = ?", task));
        Api.as(ann)
                .get("/api/v1/projects/" + project + "/tasks/" + task)
                .then()
                .statusCode(200)
                .body("revision", equalTo(1))
                .body("draft", nullValue());
        saveDraft(ann, project, task).then().statusCode(409);
    }

    private static Response saveDraft(String labeler, String project, String task) {
        return Api.as(labeler)
                .body("{\"revision\":0,\"comment\":\"begun\",\"activeMillis\":1}")
                .put("/api/v1/projects/" + project + "/tasks/" + task + "/draft");
    }

    private List<Submission.Outcome> together(CyclicBarrier start, List<Submission.First> rankings) throws Exception {
        try (Connection connection = database.getConnection()) {
            start.await();
            return Submission.first(connection, rankings, false);
        }
    }

    private void alone(List<Submission.First> rankings, List<Submission.Outcome> outcomes) throws SQLException {
        for (int i = 0; i < rankings.size(); i++) {
            if (outcomes.get(i).written().isEmpty()) {
                try (Connection connection = database.getConnection()) {
                    assertTrue(Submission.first(connection, List.of(rankings.get(i)), true)
                            .getFirst()
                            .written()
                            .isPresent());
                }
            }
        }
    }

    private Assignment.Assigned take(String project, String labeler, String after) {
        Optional<Assignment.Assigned> taken = assignment.next(project, labeler, after);
        assertFalse(taken.isEmpty());
        return taken.get();
    }

    private Submission.First ranking(String project, String labeler, Assignment.Assigned task, boolean wantsNext) {
        RankingSubmitted event = new RankingSubmitted(
                UUID.randomUUID().toString(),
                project,
                task.taskId(),
                labeler,
                1,
                task.order().stream().map(List::of).toList(),
                List.of(),
                task.order(),
                0,
                Optional.empty(),
                Instant.now());
        return new Submission.First(
                event,
                EventJson.writeText(event),
                "",
                event.eventId(),
                "",
                "{}",
                TraceParent.begin(),
                Optional.empty(),
                wantsNext,
                assignment.question(project, labeler, null, event.at()));
    }

    private long number(String sql, String... values) throws SQLException {
        try (Connection connection = database.getConnection();
                PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setString(i + 1, values[i]);
            }
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getLong(1);
            }
        }
    }
}
