package dev.podium.feedback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.EventJson;
import dev.podium.embedded.testing.ServersResource;
import io.quarkus.arc.Arc;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.enterprise.inject.Any;
import jakarta.enterprise.inject.spi.Bean;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.HttpMethod;
import jakarta.ws.rs.Path;
import java.io.IOException;
import java.io.InputStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Every endpoint, found by reflection, against every role, in an own and in a foreign project. Whom an endpoint is for
 * stands in {@code access.txt}: one that is not there fails the test.
 */
@QuarkusTest
@WithTestResource(ServersResource.class)
class AccessMatrixTest {
    private static final String PAGE = "page";

    private record Endpoint(String method, String path, String contentType) {
        String name() {
            return method + " " + path;
        }

        boolean ofProject() {
            return path.contains("{project}") || path.contains("{round}");
        }
    }

    /** Everywhere there is a project. */
    private static final String EVERYWHERE = "*";

    /**
     * A caller; role and project are empty for a stranger and for the administrator.
     *
     * @param authorization as the header has it
     */
    private record Caller(String authorization, String role, String home) {
        static Caller person(String name, String role, String home) {
            return new Caller(basic(name, Api.PASSWORD), role, home);
        }

        /** A program with a role in a project. */
        static Caller token(String role, String home) {
            String secret = Api.operator()
                    .body(Map.of("name", "matrix", "role", role))
                    .post("/api/v1/projects/" + home + "/tokens")
                    .path("token");
            return new Caller("Bearer " + secret, role, home);
        }
    }

    private static String basic(String name, String password) {
        return "Basic " + Base64.getEncoder().encodeToString((name + ":" + password).getBytes(StandardCharsets.UTF_8));
    }

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @Test
    void everyEndpointIsClassifiedAndGrantsWhatItsClassSaysAndNothingElse() throws Exception {
        List<Endpoint> endpoints = endpoints();
        Map<String, Set<String>> classes = classes();
        assertEquals(
                endpoints.stream().map(Endpoint::name).collect(Collectors.joining("\n")),
                String.join("\n", classes.keySet()),
                "src/test/resources/access.txt says of every endpoint whom it is for, and of no other");

        String own = Api.project("{}");
        String foreign = Api.project("{}");
        Map<String, String> rounds = Map.of(own, round(own), foreign, round(foreign));
        List<Caller> callers = new ArrayList<>();
        for (String role : List.of("operator", "labeler", "service")) {
            callers.add(Caller.person(Api.person(role, List.of(own)), role, own));
            callers.add(Caller.token(role, own));
        }
        callers.add(Caller.person(Api.person("labeler", List.of(EVERYWHERE)), "labeler", EVERYWHERE));
        callers.add(Caller.person(Api.person("labeler", List.of()), "", ""));
        callers.add(new Caller(basic("operator", Api.OPERATOR_PASSWORD), "administrator", ""));
        List<String> wrong = new ArrayList<>();
        int calls = 0;
        for (Endpoint endpoint : endpoints) {
            Set<String> allowed = classes.get(endpoint.name());
            if (allowed.contains(PAGE)) {
                continue;
            }
            for (String project : endpoint.ofProject() ? List.of(own, foreign) : List.of(own)) {
                String path = filled(endpoint.path(), project, rounds.get(project));
                calls++;
                String anonymous = answer(endpoint, path, "");
                if (!anonymous.equals("401")) {
                    wrong.add(endpoint.name() + " without log-in: " + anonymous);
                }
                for (Caller caller : callers) {
                    calls++;
                    String expected = expected(endpoint, allowed, caller, project);
                    String answer = answer(endpoint, path, caller.authorization());
                    if (!answer.equals(expected)) {
                        wrong.add(endpoint.name() + " as " + caller.role() + (project.equals(own) ? "" : ", foreign")
                                + ": " + answer + " instead of " + expected);
                    }
                }
            }
        }
        assertEquals("", String.join("\n", wrong));
        assertTrue(calls > 200, calls + " calls are no matrix");
    }

    /**
     * Under the path of one project nothing of another is there: not for somebody who may do everything in both, and has
     * ranked the other's task.
     */
    @Test
    void whatIsInAnotherProjectIsNotThereUnderThePathOfOnesOwn() throws Exception {
        String own = Api.project("{}");
        String foreign = Api.project("{\"overlap\":2}");
        Api.tasks(foreign, 3);
        String chief = Api.person("operator", List.of(own, foreign));
        String ranked = Api.next(chief, foreign).path("task.id");
        List<List<String>> groups = List.of(List.of(ranked + "-0"), List.of(ranked + "-1"), List.of(ranked + "-2"));
        String answer = EventJson.writeText(Map.of("groups", groups));
        Api.submit(chief, foreign, ranked, answer).then().statusCode(201);
        String held = Api.next(chief, foreign).path("task.id");
        for (String remark : List.of("/skip", "/flag")) {
            Api.as(chief)
                    .body("{\"reason\":\"BROKEN\"}")
                    .put("/api/v1/projects/" + foreign + "/tasks/" + (remark.equals("/flag") ? ranked : held) + remark);
        }
        Api.as(chief).get("/api/v1/projects/" + foreign + "/export").then().statusCode(200);
        String export =
                Api.as(chief).get("/api/v1/projects/" + foreign + "/exports").path("[0].id");
        String token = Api.as(chief)
                .body(Map.of("name", "t", "role", "service"))
                .post("/api/v1/projects/" + foreign + "/tokens")
                .path("id");
        String remark = EventJson.writeText(Map.of("taskId", ranked, "labeler", chief, "kind", "FLAG"));
        Map<String, String> bodies = new TreeMap<>(Map.of(
                "PUT /api/v1/projects/{project}/adjudication/{task}",
                answer,
                "PUT /api/v1/projects/{project}/gold/{task}",
                answer,
                "PUT /api/v1/projects/{project}/tasks/{task}/ranking",
                answer,
                "PUT /api/v1/projects/{project}/tasks/{task}/draft",
                "{\"revision\":1,\"activeMillis\":0}",
                "PUT /api/v1/projects/{project}/tasks/{task}/flag",
                "{\"reason\":\"BROKEN\"}",
                "PUT /api/v1/projects/{project}/tasks/{task}/skip",
                "{\"reason\":\"BROKEN\"}",
                "POST /api/v1/projects/{project}/remarks/settle",
                remark,
                "POST /api/v1/projects/{project}/remarks/offer-again",
                remark.replace("FLAG", "SKIP")));
        Set<String> harmless = Set.of(
                // Throws away what the caller alone has, where there is any.
                "DELETE /api/v1/projects/{project}/tasks/{task}/draft");
        // Says the same of any id, and keeps what the caller holds, as is seen at the end.
        Map<String, String> ofLeases = Map.of(
                "PUT /api/v1/projects/{project}/tasks/{task}/lease", "409",
                "DELETE /api/v1/projects/{project}/tasks/{task}/lease", "204");
        String leased = Api.next(chief, foreign).path("task.id");
        String before =
                Api.as(chief).get("/api/v1/projects/" + foreign + "/progress").asString();
        List<String> wrong = new ArrayList<>();
        int calls = 0;
        for (Endpoint endpoint : endpoints()) {
            boolean ofObjects = endpoint.path().startsWith("/api/v1/projects/{project}/")
                    && (endpoint.path().matches(".*\\{(task|export|token)}.*") || bodies.containsKey(endpoint.name()));
            if (!ofObjects || harmless.contains(endpoint.name())) {
                continue;
            }
            calls++;
            String path = endpoint.path()
                    .replace("{project}", own)
                    .replace("{task}", ofLeases.containsKey(endpoint.name()) ? leased : ranked)
                    .replace("{export}", export)
                    .replace("{token}", token);
            String status =
                    status(endpoint, path, basic(chief, Api.PASSWORD), bodies.getOrDefault(endpoint.name(), "{}"));
            if (!status.equals(ofLeases.getOrDefault(endpoint.name(), "404"))) {
                wrong.add(endpoint.name() + ": " + status);
            }
        }
        assertEquals("", String.join("\n", wrong));
        assertTrue(calls > 15, calls + " calls are no matrix");
        assertEquals(
                before,
                Api.as(chief).get("/api/v1/projects/" + foreign + "/progress").asString());
        Api.as(chief)
                .body("{}")
                .put("/api/v1/projects/" + foreign + "/tasks/" + leased + "/lease")
                .then()
                .statusCode(200);
        Api.operator()
                .get("/api/v1/projects/" + foreign + "/tokens")
                .then()
                .body("[0].revokedAt", org.hamcrest.Matchers.nullValue());
    }

    private String status(Endpoint endpoint, String path, String authorization, String body)
            throws IOException, InterruptedException {
        HttpResponse<InputStream> response = send(endpoint, path, authorization, body);
        response.body().close();
        return Integer.toString(response.statusCode());
    }

    private static String expected(Endpoint endpoint, Set<String> allowed, Caller caller, String project) {
        if (caller.role().equals("administrator")) {
            return "reached";
        }
        if (!endpoint.ofProject()) {
            return allowed.contains("anyone") ? "reached" : "403";
        }
        if (!caller.home().equals(project) && !caller.home().equals(EVERYWHERE)) {
            return "404";
        }
        boolean granted = allowed.contains("anyone")
                || allowed.contains(caller.role())
                || (caller.role().equals("operator") && allowed.contains("labeler"));
        return granted ? "reached" : "403";
    }

    /** What the access decided: what is wrong with an empty request beyond that is of no interest here. */
    private String answer(Endpoint endpoint, String path, String authorization)
            throws IOException, InterruptedException {
        HttpResponse<InputStream> response = send(endpoint, path, authorization, "{}");
        // Some answers never end.
        try (InputStream body = response.body()) {
            int status = response.statusCode();
            if (status == 403) {
                // A program reaches what only a person may do, and is told so there.
                return new String(body.readAllBytes(), StandardCharsets.UTF_8).contains("\"person_needed\"")
                        ? "reached"
                        : "403";
            }
            if (status == 401) {
                return "401";
            }
            if (status == 404) {
                String problem = new String(body.readAllBytes(), StandardCharsets.UTF_8);
                if (problem.contains("nothing at this address")) {
                    return "not routed";
                }
                boolean whole = problem.contains("\"Project ") || problem.contains("\"Round ");
                return whole ? "404" : "reached";
            }
            return status >= 500 && status != 503 ? Integer.toString(status) : "reached";
        }
    }

    private HttpResponse<InputStream> send(Endpoint endpoint, String path, String authorization, String content)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + io.restassured.RestAssured.port + path))
                .timeout(Duration.ofSeconds(20))
                .header("Content-Type", endpoint.contentType())
                .header("Idempotency-Key", UUID.randomUUID().toString())
                .method(
                        endpoint.method(),
                        BodyPublishers.ofString(endpoint.method().equals("GET") ? "" : content));
        if (!authorization.isEmpty()) {
            request.header("Authorization", authorization);
        }
        return client.send(request.build(), BodyHandlers.ofInputStream());
    }

    private static String filled(String path, String project, String round) {
        return path.replace("{project}", project)
                .replace("{round}", round)
                .replaceAll("\\{(partition|offset)}", "0")
                .replaceAll("\\{[^}]*}", "00000000-0000-0000-0000-000000000000");
    }

    private static String round(String project) {
        return Api.operator()
                .body("{\"kind\":\"SAMPLE\",\"prompts\":[\"x\"]}")
                .post("/api/v1/projects/" + project + "/rounds")
                .path("id");
    }

    private static List<Endpoint> endpoints() {
        Map<String, Endpoint> all = new TreeMap<>();
        for (Bean<?> bean : Arc.container().beanManager().getBeans(Object.class, Any.Literal.INSTANCE)) {
            Class<?> type = bean.getBeanClass();
            Path base = type.getAnnotation(Path.class);
            if (base == null) {
                continue;
            }
            for (Method method : type.getDeclaredMethods()) {
                for (String verb : verbs(method)) {
                    Path more = method.getAnnotation(Path.class);
                    String path = ("/" + base.value() + "/" + (more == null ? "" : more.value()))
                            .replaceAll("/+", "/")
                            .replaceAll("(?<=.)/$", "");
                    Endpoint endpoint = new Endpoint(verb, path, contentType(method));
                    all.put(endpoint.path() + " " + endpoint.method(), endpoint);
                }
            }
        }
        return List.copyOf(all.values());
    }

    private static List<String> verbs(Method method) {
        return Stream.of(method.getAnnotations())
                .map(Annotation::annotationType)
                .map(type -> type.getAnnotation(HttpMethod.class))
                .filter(verb -> verb != null)
                .map(HttpMethod::value)
                .toList();
    }

    private static String contentType(Method method) {
        Consumes consumes = method.getAnnotation(Consumes.class);
        return consumes == null ? "application/json" : consumes.value()[0];
    }

    /** Name of the endpoint to the roles it is for, in the order of the file. */
    private static Map<String, Set<String>> classes() throws IOException {
        Map<String, Set<String>> all = new java.util.LinkedHashMap<>();
        try (InputStream in = AccessMatrixTest.class.getResourceAsStream("/access.txt")) {
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
                if (!line.isBlank() && !line.startsWith("#")) {
                    String[] parts = line.split(" : ");
                    all.put(
                            parts[0].strip(),
                            new TreeSet<>(List.of(parts[1].strip().split(" "))));
                }
            }
        }
        return all;
    }
}
