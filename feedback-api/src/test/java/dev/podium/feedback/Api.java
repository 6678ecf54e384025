package dev.podium.feedback;

import static io.restassured.RestAssured.given;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** The REST interface as tests use it. */
public final class Api {
    static final String OPERATOR_PASSWORD = "operator-password-for-tests";
    static final String PASSWORD = "password-of-a-labeler";

    private Api() {}

    public static RequestSpecification operator() {
        return as("operator", OPERATOR_PASSWORD);
    }

    /** Requests of that person. */
    public static RequestSpecification as(String name) {
        return as(name, PASSWORD);
    }

    static RequestSpecification as(String name, String password) {
        return given().auth().preemptive().basic(name, password).contentType("application/json");
    }

    /** A fresh project; further fields of its body as JSON members. */
    public static String project(String rulesJson) {
        String id = "p-" + UUID.randomUUID();
        operator()
                .body("{\"id\":\"" + id + "\",\"name\":\"Test\",\"rules\":" + rulesJson + "}")
                .post("/api/v1/projects")
                .then()
                .statusCode(201);
        return id;
    }

    /** Somebody with that role in every project. */
    public static String person(String role) {
        return person(role, List.of("*"));
    }

    static String person(String role, List<String> projects) {
        String name = role + "-" + UUID.randomUUID();
        operator()
                .body(Map.of("name", name, "password", PASSWORD, "role", role, "projects", projects))
                .post("/api/v1/users")
                .then()
                .statusCode(201);
        return name;
    }

    static Response importLines(String project, String query, String lines) {
        return as("operator", OPERATOR_PASSWORD)
                .contentType("application/x-ndjson")
                .body(lines.getBytes(java.nio.charset.StandardCharsets.UTF_8))
                .post("/api/v1/projects/" + project + "/import" + query);
    }

    /** Imports tasks of three outputs each. */
    public static void tasks(String project, int count) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < count; i++) {
            lines.append("{\"prompt\":\"question ").append(i).append("\",\"outputs\":[\"good\",\"fair\",\"poor\"]}\n");
        }
        importLines(project, "", lines.toString()).then().statusCode(200);
    }

    static Response next(String labeler, String project) {
        return as(labeler).post("/api/v1/projects/" + project + "/tasks/next");
    }

    static Response submit(String labeler, String project, String task, String body) {
        return submit(labeler, project, task, body, UUID.randomUUID().toString(), null);
    }

    static Response submit(String labeler, String project, String task, String body, String key, Integer seenRevision) {
        RequestSpecification request = as(labeler).header("Idempotency-Key", key);
        if (seenRevision != null) {
            request.header("If-Match", "\"" + seenRevision + "\"");
        }
        return request.body(body).put("/api/v1/projects/" + project + "/tasks/" + task + "/ranking");
    }

    static String groups(List<String> ids) {
        try {
            return new ObjectMapper()
                    .writeValueAsString(
                            Map.of("groups", ids.stream().map(List::of).toList()));
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
