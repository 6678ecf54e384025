package dev.podium.feedback;

import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.matchesPattern;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.embedded.testing.ServersResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who sends too much waits; who does not is not held up. */
@QuarkusTest
@WithTestResource(ServersResource.class)
@TestProfile(LimitsTest.Low.class)
class LimitsTest {
    private static final int CHANGES = 30;
    private static final int WRONG_PASSWORDS = 5;

    /** Limits that a test reaches. */
    public static final class Low implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of(
                    "podium.limits.changes-per-minute", Integer.toString(CHANGES),
                    "podium.limits.wrong-passwords-per-minute", Integer.toString(WRONG_PASSWORDS));
        }
    }

    @Test
    void tooMuchOfOneIs429WithTheTimeToWait() {
        String project = Api.project("{}");
        String busy = Api.person("labeler");
        String calm = Api.person("labeler");
        long refused = IntStream.range(0, CHANGES + 10)
                .filter(i -> Api.next(busy, project).statusCode() == 429)
                .count();
        assertEquals(true, refused >= 5 && refused <= 10, refused + " refused");
        Api.next(busy, project)
                .then()
                .statusCode(429)
                .contentType(containsString("application/problem+json"))
                .header("Retry-After", matchesPattern("[1-9][0-9]*"))
                .body("code", equalTo("too_many_requests"));
        Api.as(busy).get("/api/v1/me").then().statusCode(200);
        Api.next(calm, project).then().statusCode(204);

        // The passwords last: they shut out the address.
        for (int i = 0; i < WRONG_PASSWORDS; i++) {
            Api.as("operator", "wrong" + i).get("/api/v1/me").then().statusCode(401);
        }
        Api.as("operator", Api.OPERATOR_PASSWORD)
                .get("/api/v1/me")
                .then()
                .statusCode(429)
                .header("Retry-After", matchesPattern("[1-9][0-9]*"));
        given().redirects()
                .follow(false)
                .formParam("j_username", "operator")
                .formParam("j_password", "guess")
                .post("/login")
                .then()
                .statusCode(429);
    }
}
