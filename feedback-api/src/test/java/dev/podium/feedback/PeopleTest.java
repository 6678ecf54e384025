package dev.podium.feedback;

import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.oneOf;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.embedded.testing.ServersResource;
import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.path.json.JsonPath;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import java.net.CookieManager;
import java.net.CookiePolicy;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** People, their passwords, tokens, and the audit log of what is done with them. */
@QuarkusTest
@WithTestResource(ServersResource.class)
class PeopleTest {
    @Inject
    AgroalDataSource database;

    @TestHTTPResource("/")
    URI address;

    @Test
    void whoKnowsTheirPasswordChangesIt() {
        String ann = Api.person("labeler");
        Api.as(ann)
                .body(Map.of("current", "not this one", "password", "another password"))
                .put("/api/v1/me/password")
                .then()
                .statusCode(422)
                .body("code", equalTo("wrong_password"));
        Api.as(ann)
                .body(Map.of("current", Api.PASSWORD, "password", "another password"))
                .put("/api/v1/me/password")
                .then()
                .statusCode(204);
        Api.as(ann).get("/api/v1/me").then().statusCode(401);
        Api.as(ann, "another password").get("/api/v1/me").then().statusCode(200).body("name", equalTo(ann));
    }

    @Test
    void anotherPasswordEndsTheOtherSessionsAndNotTheOwn() {
        String eve = Api.person("labeler");
        Map<String, String> own = session(eve);
        Map<String, String> other = session(eve);
        given().cookies(other).get("/api/v1/me").then().statusCode(200);
        String page = given().cookies(own).get("/").asString();
        Map<String, String> renewed = new java.util.HashMap<>(own);
        renewed.putAll(given().cookies(own)
                .header("X-CSRF-Token", page.replaceFirst("(?s).*name=\"csrf-token\" content=\"([^\"]*)\".*", "$1"))
                .contentType("application/json")
                .body(Map.of("current", Api.PASSWORD, "password", "another password"))
                .put("/api/v1/me/password")
                .then()
                .statusCode(204)
                .extract()
                .cookies());
        given().cookies(renewed).get("/api/v1/me").then().statusCode(200);
        given().redirects()
                .follow(false)
                .cookies(other)
                .get("/api/v1/me")
                .then()
                .statusCode(org.hamcrest.Matchers.oneOf(302, 401));
    }

    private static Map<String, String> session(String name) {
        return given().redirects()
                .follow(false)
                .formParam("j_username", name)
                .formParam("j_password", Api.PASSWORD)
                .post("/login")
                .getCookies();
    }

    @Test
    void aLogOutEndsACookieThatWasCopiedAndABanIsNotOverWithItsEnd() {
        String eve = Api.person("labeler");
        Map<String, String> own = session(eve);
        Map<String, String> copied = Map.copyOf(own);
        given().cookies(copied).get("/api/v1/me").then().statusCode(200);
        String page = given().cookies(own).get("/").asString();
        given().cookies(own)
                .header("X-CSRF-Token", page.replaceFirst("(?s).*name=\"csrf-token\" content=\"([^\"]*)\".*", "$1"))
                .post("/logout")
                .then()
                .statusCode(204);
        refused(copied);
        Map<String, String> later = session(eve);
        given().cookies(later).get("/api/v1/me").then().statusCode(200);
        for (String act : List.of("disable", "enable")) {
            Api.operator()
                    .body("{}")
                    .post("/api/v1/users/" + eve + "/" + act)
                    .then()
                    .statusCode(204);
            refused(later);
        }
        Api.as(eve).get("/api/v1/me").then().statusCode(200);
    }

    @Test
    void whoseSessionHasEndedElsewhereComesToTheLogInAndFromThereBackToTheirPage() throws Exception {
        String eve = Api.person("operator");
        try (HttpClient browser = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.ALWAYS)
                .cookieHandler(new CookieManager(null, CookiePolicy.ACCEPT_ALL))
                .build()) {
            logIn(browser, eve, Api.PASSWORD);
            assertEquals("/console", get(browser, "/console").uri().getPath());
            String password = Api.operator()
                    .body("{}")
                    .put("/api/v1/users/" + eve + "/password")
                    .path("password");
            // Whatever is asked for first: also what no log-in should lead to.
            for (String first : List.of("/web/icon.svg", "/login", "/api/v1/projects", "/console")) {
                HttpResponse<String> led = get(browser, first);
                assertEquals(
                        List.of(200, "/login"),
                        List.of(led.statusCode(), led.uri().getPath()),
                        first);
                assertEquals(200, get(browser, "/web/icon.svg").statusCode());
                String landed = logIn(browser, eve, password).uri().getPath();
                assertEquals(first.equals("/console") ? first : "/", landed, first);
                password = Api.operator()
                        .body("{}")
                        .put("/api/v1/users/" + eve + "/password")
                        .path("password");
            }
        }
    }

    @Test
    void aRequestUnderWayWhileANewSessionBeginsDoesNotEndIt() {
        String eve = Api.person("labeler");
        Map<String, String> old = session(eve);
        session(eve);
        Api.operator()
                .body("{}")
                .put("/api/v1/users/" + eve + "/password")
                .then()
                .statusCode(200);
        Response late = given().cookies(old).redirects().follow(false).get("/api/v1/me");
        assertEquals(302, late.statusCode());
        assertEquals(Map.of(), late.cookies());
        Response page = given().cookies(old).redirects().follow(false).get("/login");
        assertTrue(
                page.cookies().keySet().containsAll(old.keySet()),
                page.cookies().toString());
    }

    @Test
    void aPageThatIsNotLoggedInIsToldSoWithoutTheBrowserAskingForAPassword() {
        for (String accept : List.of("*/*", "text/event-stream")) {
            given().accept(accept)
                    .get("/api/v1/me")
                    .then()
                    .statusCode(401)
                    .header("WWW-Authenticate", startsWith("Basic"));
        }
        given().header("X-Requested-With", "fetch")
                .get("/api/v1/me")
                .then()
                .statusCode(401)
                .header("WWW-Authenticate", startsWith("Session"))
                .body("code", equalTo("not_logged_in"));
        // A link to a download, and what a browser sends where it names no site: without https.
        for (Map<String, String> headers : List.of(
                Map.of("Sec-Fetch-Mode", "navigate", "Accept", "text/html,*/*"),
                Map.of("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)", "Accept", "text/event-stream"))) {
            given().headers(headers)
                    .get("/api/v1/operations/live")
                    .then()
                    .statusCode(401)
                    .header("WWW-Authenticate", startsWith("Session"));
        }
    }

    private HttpResponse<String> get(HttpClient browser, String path) throws Exception {
        return browser.send(
                HttpRequest.newBuilder(address.resolve(path))
                        .header("Accept", "text/html, */*")
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> logIn(HttpClient browser, String name, String password) throws Exception {
        return browser.send(
                HttpRequest.newBuilder(address.resolve("/login"))
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .POST(HttpRequest.BodyPublishers.ofString("j_username=" + name + "&j_password="
                                + URLEncoder.encode(password, StandardCharsets.UTF_8)))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void whatEndsAccessEndsItForTheVeryNextRankingToo() {
        String project = Api.project("{}");
        Api.tasks(project, 3);
        String member = Api.person("labeler", List.of(project));
        Response task = Api.next(member, project);
        // With the database asked a moment ago, a ranking is let in by what was known then.
        assertEquals(
                422, submit(Api.as(member), project, task, "{\"groups\":[]}").statusCode());
        Api.operator()
                .delete("/api/v1/projects/" + project + "/members/" + member)
                .then()
                .statusCode(oneOf(200, 204));
        assertEquals(404, submit(Api.as(member), project, task).statusCode());
        Api.operator()
                .body(Map.of("role", "labeler"))
                .put("/api/v1/projects/" + project + "/members/" + member)
                .then()
                .statusCode(oneOf(200, 201, 204));
        assertEquals(201, submit(Api.as(member), project, task).statusCode());

        Map<String, String> own = session(member);
        String page = given().cookies(own).get("/").asString();
        String token = page.replaceFirst("(?s).*name=\"csrf-token\" content=\"([^\"]*)\".*", "$1");
        Response second = with(own, token).post("/api/v1/projects/" + project + "/tasks/next");
        second.then().statusCode(200);
        with(own, token).post("/logout").then().statusCode(204);
        assertTrue(List.of(302, 401)
                .contains(submit(with(own, token), project, second).statusCode()));
        assertEquals(200, Api.as(member).get("/api/v1/me").statusCode());
        assertEquals(201, submit(Api.as(member), project, second).statusCode());

        Response third = Api.next(member, project);
        Api.operator()
                .body("{}")
                .post("/api/v1/users/" + member + "/disable")
                .then()
                .statusCode(204);
        assertEquals(401, submit(Api.as(member), project, third).statusCode());
    }

    private static RequestSpecification with(Map<String, String> session, String token) {
        return given().redirects()
                .follow(false)
                .cookies(session)
                .header("X-CSRF-Token", token)
                .contentType("application/json");
    }

    private static Response submit(RequestSpecification who, String project, Response task) {
        return submit(who, project, task, Api.groups(task.path("task.outputs.id")));
    }

    private static Response submit(RequestSpecification who, String project, Response task, String body) {
        return who.header("Idempotency-Key", UUID.randomUUID().toString())
                .body(body)
                .put("/api/v1/projects/" + project + "/tasks/" + task.path("task.id") + "/ranking");
    }

    private static void refused(Map<String, String> session) {
        given().redirects()
                .follow(false)
                .cookies(session)
                .get("/api/v1/me")
                .then()
                .statusCode(org.hamcrest.Matchers.oneOf(302, 401));
    }

    @Test
    void nobodyGetsTheWorkOfSomebodyWhoWasRemovedByTheName() {
        String gone = Api.person("labeler");
        Api.operator().delete("/api/v1/users/" + gone).then().statusCode(204);
        Map<String, Object> again =
                Map.of("name", gone, "password", Api.PASSWORD, "role", "labeler", "projects", List.of());
        Api.operator()
                .body(again)
                .post("/api/v1/users")
                .then()
                .statusCode(409)
                .body("code", equalTo("name_of_removed"));
        Map<String, Object> returning = new java.util.HashMap<>(again);
        returning.put("returning", true);
        Api.operator().body(returning).post("/api/v1/users").then().statusCode(201);
        Api.operator()
                .body(returning)
                .post("/api/v1/users")
                .then()
                .statusCode(409)
                .body("code", equalTo("name_taken"));
    }

    @Test
    void tokensOfOneNameAreNotOneAnother() {
        String own = Api.project("{}");
        String other = Api.project("{}");
        List<String> names = java.util.stream.Stream.of(own, own, other)
                .map(project -> bearer(token("operator", Api.OPERATOR_PASSWORD, project))
                        .get("/api/v1/me")
                        .<String>path("name"))
                .distinct()
                .toList();
        assertEquals(3, names.size(), names.toString());
        assertTrue(names.getFirst().startsWith("token:t~"), names.toString());
    }

    @Test
    void administratorsResetDisableAndRemove() {
        String bob = Api.person("labeler");
        String made = Api.operator()
                .body(Map.of("reason", "lost"))
                .put("/api/v1/users/" + bob + "/password")
                .path("password");
        Api.as(bob).get("/api/v1/me").then().statusCode(401);
        Api.as(bob, made).get("/api/v1/me").then().statusCode(200);
        Api.operator()
                .body("{}")
                .post("/api/v1/users/" + bob + "/disable")
                .then()
                .statusCode(204);
        Api.as(bob, made).get("/api/v1/me").then().statusCode(401);
        Api.operator()
                .body("{}")
                .post("/api/v1/users/" + bob + "/enable")
                .then()
                .statusCode(204);
        Api.as(bob, made).get("/api/v1/me").then().statusCode(200);
        Api.operator().delete("/api/v1/users/" + bob).then().statusCode(204);
        Api.as(bob, made).get("/api/v1/me").then().statusCode(401);
        Api.operator().get("/api/v1/users").then().body("name", not(hasItem(bob)));
    }

    @Test
    void nobodyLocksThemselvesOut() {
        Api.operator()
                .body("{}")
                .post("/api/v1/users/operator/disable")
                .then()
                .statusCode(422)
                .body("code", equalTo("yourself"));
        Api.operator().delete("/api/v1/users/operator").then().statusCode(422);
    }

    private static RequestSpecification bearer(String token) {
        return given().header("Authorization", "Bearer " + token).contentType("application/json");
    }

    @Test
    void aTokenIsOneRoleInOneProjectUntilItIsRevokedAndIsShownOnce() throws Exception {
        String own = Api.project("{}");
        String other = Api.project("{}");
        JsonPath made = Api.operator()
                .body(Map.of("name", "ci", "role", "service", "days", 7))
                .post("/api/v1/projects/" + own + "/tokens")
                .then()
                .statusCode(201)
                .body("token", startsWith("podium_"))
                .extract()
                .jsonPath();
        String token = made.getString("token");
        bearer(token).get("/api/v1/projects/" + own + "/export").then().statusCode(200);
        bearer(token).get("/api/v1/projects/" + other + "/export").then().statusCode(404);
        bearer(token).get("/api/v1/projects/" + own + "/rounds").then().statusCode(403);
        bearer(token + "x").get("/api/v1/me").then().statusCode(401);
        Api.operator()
                .get("/api/v1/projects/" + own + "/tokens")
                .then()
                .body("[0].name", equalTo("ci"))
                .body("[0].token", nullValue())
                .body("[0].lastUsedAt", not(nullValue()));
        assertEquals(0, count("select count(*) from api_token where sha256 = '" + token + "'"));
        Api.operator()
                .delete("/api/v1/projects/" + own + "/tokens/" + made.getString("id"))
                .then()
                .statusCode(200);
        bearer(token).get("/api/v1/projects/" + own + "/export").then().statusCode(401);
    }

    @Test
    void aTokenEndsWithItsDayAndWithWhoMadeIt() throws Exception {
        String own = Api.project("{}");
        String chief = Api.person("operator", List.of(own));
        String first = token(chief, own);
        String second = token(chief, own);
        bearer(first).get("/api/v1/projects/" + own).then().statusCode(200);
        bearer(first)
                .body(Map.of("name", "more", "role", "operator"))
                .post("/api/v1/projects/" + own + "/tokens")
                .then()
                .statusCode(403)
                .body("code", equalTo("person_needed"));
        execute("update api_token set expires_at = now() where project_id = '" + own + "' and sha256 = '"
                + dev.podium.feedback.rest.IdempotentAnswers.sha256(first) + "'");
        bearer(first).get("/api/v1/projects/" + own).then().statusCode(401);
        Api.operator()
                .body("{\"role\":\"labeler\"}")
                .put("/api/v1/projects/" + own + "/members/" + chief)
                .then()
                .statusCode(200);
        bearer(second).get("/api/v1/projects/" + own).then().statusCode(401);
    }

    private static String token(String by, String project) {
        return token(by, Api.PASSWORD, project);
    }

    private static String token(String by, String password, String project) {
        return Api.as(by, password)
                .body(Map.of("name", "t", "role", "operator"))
                .post("/api/v1/projects/" + project + "/tokens")
                .path("token");
    }

    @Test
    void whatOperatorsDoIsWrittenDownWithItsReasonAndCannotBeChanged() throws Exception {
        String project = Api.project("{}");
        String ann = Api.person("labeler", List.of());
        Api.operator()
                .body(Map.of("role", "labeler", "reason", "joins the team"))
                .put("/api/v1/projects/" + project + "/members/" + ann)
                .then()
                .statusCode(200);
        Api.tasks(project, 1);
        Api.operator()
                .get("/api/v1/projects/" + project + "/audit")
                .then()
                .body("action", hasItem("project.created"))
                .body("find { it.action == 'member.set' }.person", equalTo(ann))
                .body("find { it.action == 'member.set' }.actor", equalTo("operator"))
                .body("find { it.action == 'member.set' }.reason", equalTo("joins the team"))
                .body("find { it.action == 'data.imported' }.project", equalTo(project));
        assertEquals(0, count("select count(*) from audit_entry where audit_entry::text like '%" + ann + "%'"));
        for (String change : List.of(
                "update audit_entry set reason = 'another' where sequence = 1",
                "delete from audit_entry where sequence = 1",
                "truncate audit_entry")) {
            SQLException refused = assertThrows(SQLException.class, () -> execute(change));
            assertTrue(refused.getMessage().contains("append-only"), refused.getMessage());
        }
        String head = Api.operator()
                .get("/api/v1/audit/verify")
                .then()
                .body("whole", equalTo(true))
                .extract()
                .path("head");
        Api.operator().get("/api/v1/audit/verify?head=" + head).then().body("knowsHead", equalTo(true));
        Api.operator().get("/api/v1/audit/verify?head=00").then().body("whole", equalTo(false));
        // Who may change the tables themselves gets past the trigger, but not past the chain.
        try (Connection connection = database.getConnection()) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("set local session_replication_role = replica");
                statement.execute("update audit_entry set reason = 'another' where sequence = 1");
            }
            connection.commit();
        }
        Api.operator()
                .get("/api/v1/audit/verify")
                .then()
                .body("whole", equalTo(false))
                .body("broken", equalTo(1));
        try (Connection connection = database.getConnection()) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("set local session_replication_role = replica");
                statement.execute("update audit_entry set reason = '' where sequence = 1");
            }
            connection.commit();
        }
        Api.operator().get("/api/v1/audit/verify").then().body("whole", equalTo(true));
    }

    private void execute(String sql) throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private long count(String sql) throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        }
    }
}
