package dev.podium.feedback.metrics;

import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.podium.embedded.testing.ServersResource;
import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import jakarta.inject.Inject;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class DatabaseStateTest {
    @Inject
    AgroalDataSource database;

    @Test
    void anInstanceWhosePoolIsBusyIsReady() throws Exception {
        List<Connection> pool = new ArrayList<>();
        try {
            // Given no connection that the pool could give
            assertThrows(SQLException.class, () -> {
                while (pool.size() < 1000) {
                    pool.add(database.getConnection());
                }
            });

            // Then PostgreSQL answers all the same, once and again
            for (int i = 0; i < 2; i++) {
                RestAssured.get("/q/health/ready")
                        .then()
                        .statusCode(200)
                        .body("checks.find { it.name == 'database' }.status", equalTo("UP"));
            }
        } finally {
            for (Connection each : pool) {
                each.close();
            }
        }
    }

    @Test
    void itIsSaidWhyPostgresIsAwayAndASecondQuestionFindsItBack() throws Exception {
        Iterator<SQLException> away =
                List.of(new SQLException("the database system is starting up")).iterator();
        DatabaseState state = new DatabaseState(
                () -> {
                    if (away.hasNext()) {
                        throw away.next();
                    }
                    return database.getConnection();
                },
                Thread.ofPlatform().daemon().factory());

        HealthCheckResponse first = state.call();
        assertEquals(HealthCheckResponse.Status.DOWN, first.getStatus());
        assertEquals(Optional.of(Map.of("problem", "the database system is starting up")), first.getData());
        assertEquals(HealthCheckResponse.Status.UP, state.call().getStatus());
        state.close();
    }

    @Test
    void aThreadThatCannotBeHadIsAskedForAgain() throws Exception {
        Iterator<Thread> none = List.<Thread>of(new Thread() {
                    @Override
                    public void start() {
                        throw new OutOfMemoryError("unable to create native thread");
                    }
                })
                .iterator();
        ThreadFactory threads = Thread.ofPlatform().daemon().factory();
        DatabaseState state = new DatabaseState(
                database::getConnection, work -> none.hasNext() ? none.next() : threads.newThread(work));

        assertThrows(OutOfMemoryError.class, state::call);
        assertEquals(HealthCheckResponse.Status.UP, state.call().getStatus());
        state.close();
    }
}
