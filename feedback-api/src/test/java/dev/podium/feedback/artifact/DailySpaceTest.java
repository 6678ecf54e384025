package dev.podium.feedback.artifact;

import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.Api;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.time.LocalDate;
import java.util.List;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class DailySpaceTest {
    @Inject
    DailySpace space;

    @Inject
    EntityManager entities;

    @Test
    void policiesAreAppliedAndSpaceIsMadeOnceADay() {
        String kept = Api.project("{}");
        String project = Api.project("{}");
        List.of("v1", "v2", "v3").forEach(version -> {
            published(kept, version);
            published(project, version);
        });
        Api.operator()
                .body("{\"keepLast\":1,\"keepDays\":0}")
                .put("/api/v1/projects/" + project + "/retention")
                .then()
                .statusCode(200);
        LocalDate day = LocalDate.of(2031, 3, 1);

        assertTrue(space.makeSpace(day));

        retired(project, List.of("v1", "v2"));
        retired(kept, List.of());
        Api.operator()
                .get("/api/v1/artifacts/collection")
                .then()
                .body("[0].startedBy", equalTo("daily"))
                .body("[0].dryRun", equalTo(false));
        published(project, "v4");
        assertFalse(space.makeSpace(day), "a second time that day");
        retired(project, List.of("v1", "v2"));
        assertTrue(space.makeSpace(day.plusDays(40)));
        retired(project, List.of("v1", "v2", "v3"));
        assertEquals(
                1L,
                QuarkusTransaction.requiringNew()
                        .call(() -> entities.createNativeQuery("select count(*) from space_day", Long.class)
                                .getSingleResult()));
    }

    private static void retired(String project, List<String> versions) {
        Api.operator()
                .get("/api/v1/projects/" + project + "/retention")
                .then()
                .statusCode(200)
                .body("retired", equalTo(versions));
    }

    private void published(String project, String version) {
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "insert into adapter (project_id, version, kind, created_at, body)"
                                        + " values (:p, :v, 'POLICY', clock_timestamp(), '{}')")
                        .setParameter("p", project)
                        .setParameter("v", version)
                        .executeUpdate());
    }
}
