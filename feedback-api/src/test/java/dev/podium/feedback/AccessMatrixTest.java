package dev.podium.feedback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

    /** A caller; role and project are empty for a stranger and for the administrator. */
    private record Caller(String name, String password, String role, String home) {}

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
            callers.add(new Caller(Api.person(role, List.of(own)), Api.PASSWORD, role, own));
        }
        callers.add(new Caller(Api.person("labeler", List.of()), Api.PASSWORD, "", ""));
        callers.add(new Caller("operator", Api.OPERATOR_PASSWORD, "administrator", ""));
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
                    String answer = answer(endpoint, path, caller.name() + ":" + caller.password());
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

    private static String expected(Endpoint endpoint, Set<String> allowed, Caller caller, String project) {
        if (caller.role().equals("administrator")) {
            return "reached";
        }
        if (!endpoint.ofProject()) {
            return allowed.contains("anyone") ? "reached" : "403";
        }
        if (!caller.home().equals(project)) {
            return "404";
        }
        boolean granted = allowed.contains("anyone")
                || allowed.contains(caller.role())
                || (caller.role().equals("operator") && allowed.contains("labeler"));
        return granted ? "reached" : "403";
    }

    /** What the access decided: what is wrong with an empty request beyond that is of no interest here. */
    private String answer(Endpoint endpoint, String path, String credentials) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + io.restassured.RestAssured.port + path))
                .timeout(Duration.ofSeconds(20))
                .header("Content-Type", endpoint.contentType())
                .header("Idempotency-Key", UUID.randomUUID().toString())
                .method(
                        endpoint.method(),
                        BodyPublishers.ofString(endpoint.method().equals("GET") ? "" : "{}"));
        if (!credentials.isEmpty()) {
            request.header(
                    "Authorization",
                    "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8)));
        }
        HttpResponse<InputStream> response = client.send(request.build(), BodyHandlers.ofInputStream());
        // Some answers never end.
        try (InputStream body = response.body()) {
            int status = response.statusCode();
            if (status == 401 || status == 403) {
                return Integer.toString(status);
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
