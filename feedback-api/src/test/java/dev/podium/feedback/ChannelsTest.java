package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.nullValue;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.embedded.testing.ServersResource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class ChannelsTest {
    @Inject
    EntityManager entities;

    @Test
    void rollingBackAgainGoesFurtherBackNotForthToWhatWasBad() {
        String project = Api.project("{}");
        List.of("v1", "v2", "v3").forEach(version -> published(project, version));
        promote(project, "null").body("version", nullValue());
        promote(project, "\"v1\"").body("sequence", equalTo(2));
        promote(project, "\"v2\"");
        rollBack(project).statusCode(200).body("version", equalTo("v1")).body("sequence", equalTo(4));
        promote(project, "\"v3\"");
        promote(project, "\"v3\"");
        rollBack(project).statusCode(200).body("version", equalTo("v1"));
        rollBack(project).statusCode(200).body("version", nullValue()).body("sequence", equalTo(8));
        rollBack(project).statusCode(422).body("code", equalTo("nothing_before"));
        Api.operator().get("/api/v1/projects/" + project + "/channels").then().body("[0].sequence", equalTo(8));
    }

    private static ValidatableResponse promote(String project, String version) {
        return Api.operator()
                .body("{\"version\":" + version + "}")
                .put("/api/v1/projects/" + project + "/channels/production")
                .then()
                .statusCode(200);
    }

    private static ValidatableResponse rollBack(String project) {
        return Api.operator()
                .post("/api/v1/projects/" + project + "/channels/production/rollback")
                .then();
    }

    /** As the projection does. */
    private void published(String project, String version) {
        AdapterManifest manifest = new AdapterManifest(
                project,
                version,
                AdapterManifest.Kind.POLICY,
                "a-round",
                RoundKind.DPO,
                new AdapterManifest.BaseModel("podium-nano", "0".repeat(64)),
                RoundConfig.defaults(RoundKind.DPO),
                Optional.of(RoundConfig.Lora.DEFAULT),
                List.of(new AdapterManifest.ArtifactFile("adapter_model.safetensors", "0".repeat(64), 1, 1)),
                Optional.empty(),
                1,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                Instant.EPOCH);
        QuarkusTransaction.requiringNew()
                .run(() -> entities.createNativeQuery(
                                "insert into adapter (project_id, version, kind, created_at, body)"
                                        + " values (:p, :v, 'POLICY', now(), :b)")
                        .setParameter("p", project)
                        .setParameter("v", version)
                        .setParameter("b", EventJson.writeText(manifest))
                        .executeUpdate());
    }
}
