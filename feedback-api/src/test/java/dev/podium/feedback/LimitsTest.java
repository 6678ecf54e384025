package dev.podium.feedback;

import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.matchesPattern;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.embedded.testing.ServersResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.RestAssured;
import io.restassured.config.HttpClientConfig;
import io.restassured.response.ValidatableResponse;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who sends too much waits; who does not is not held up. */
@QuarkusTest
@WithTestResource(ServersResource.class)
@TestProfile(LimitsTest.Low.class)
class LimitsTest {
    private static final int CHANGES = 30;
    private static final int WRONG_PASSWORDS = 5;
    private static final int WRONG_OF_ALL_NAMES = 40;
    private static final int GUESSES = 24;

    /** Limits that a test reaches. */
    public static final class Low implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of(
                    "podium.limits.changes-per-minute", Integer.toString(CHANGES),
                    "podium.limits.wrong-passwords-per-minute", Integer.toString(WRONG_PASSWORDS),
                    "podium.limits.wrong-passwords-per-quarter-hour", Integer.toString(WRONG_OF_ALL_NAMES));
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
        Api.as("operator", "guess").get("/api/v1/me").then().statusCode(429);
        Api.as("operator", "another guess")
                .get("/api/v1/me")
                .then()
                .statusCode(429)
                .header("Retry-After", matchesPattern("[1-9][0-9]*"));
        // Who works goes on working, and guesses at one are not held against another.
        Api.as("operator", Api.OPERATOR_PASSWORD).get("/api/v1/me").then().statusCode(200);
        Api.as(calm).get("/api/v1/me").then().statusCode(200);
    }

    @Test
    void guessesAllAtOnceAreNoMoreThanOneAfterTheOther() throws Exception {
        try (ExecutorService all = Executors.newFixedThreadPool(GUESSES)) {
            List<Callable<Integer>> guesses = IntStream.range(0, GUESSES)
                    .<Callable<Integer>>mapToObj(i -> () -> Api.as("nobody-there", "guess " + i)
                            .get("/api/v1/me")
                            .statusCode())
                    .toList();
            long looked = 0;
            for (Future<Integer> guess : all.invokeAll(guesses)) {
                looked += guess.get() == 429 ? 0 : 1;
            }
            // One more may have come back by the clock meanwhile.
            assertTrue(looked <= WRONG_PASSWORDS + 1, looked + " guesses were looked at");
            List<Callable<Integer>> forms = IntStream.range(0, GUESSES)
                    .<Callable<Integer>>mapToObj(i -> () -> given().redirects()
                            .follow(false)
                            .formParam("j_username", "operator")
                            .formParam("j_password", "guess " + i)
                            .post("/login")
                            .statusCode())
                    .toList();
            looked = 0;
            for (Future<Integer> guess : all.invokeAll(forms)) {
                looked += guess.get() == 429 ? 0 : 1;
            }
            assertTrue(looked <= WRONG_PASSWORDS + 1, looked + " guesses in the form were looked at");
            // Many who are right at once only wait for one another.
            String busy = Api.person("labeler");
            Callable<Integer> work = () -> Api.as(busy).get("/api/v1/me").statusCode();
            for (Future<Integer> right : all.invokeAll(Collections.nCopies(GUESSES, work))) {
                assertEquals(200, right.get());
            }
        }
    }

    /** From an address of this machine that no other test uses. */
    @Test
    void guessesAtManyNamesShutOutTheirAddressAndNobodyWhoWorks() throws Exception {
        String working = Api.person("labeler");
        String late = Api.person("labeler");
        fromElsewhere(working, Api.PASSWORD).statusCode(200);

        for (int i = 0; i < WRONG_OF_ALL_NAMES; i++) {
            fromElsewhere("name-" + i, "guess").statusCode(401);
        }

        // No name was tried twice; one more may have come back by the clock meanwhile.
        fromElsewhere("name-a", "guess");
        fromElsewhere("name-b", "guess")
                .statusCode(429)
                .header("Retry-After", matchesPattern("[1-9][0-9]*"))
                .body("code", equalTo("too_many_requests"));
        fromElsewhere(late, Api.PASSWORD).statusCode(429);
        fromElsewhere(working, Api.PASSWORD).statusCode(200);
        Api.as(late).get("/api/v1/me").then().statusCode(200);
    }

    private static ValidatableResponse fromElsewhere(String name, String password) throws UnknownHostException {
        return given().config(RestAssured.config()
                        .httpClient(HttpClientConfig.httpClientConfig()
                                .setParam("http.route.local-address", InetAddress.getByName("127.0.0.2"))))
                .auth()
                .preemptive()
                .basic(name, password)
                .get("/api/v1/me")
                .then();
    }
}
