package dev.podium.feedback;

import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.embedded.testing.ServersResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import java.util.List;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(ServersResource.class)
class ImportFormatsTest {
    private static Response imported(String lines) {
        String project = Api.project("{}");
        Response report = Api.importLines(project, "?format=auto", lines);
        report.then().statusCode(200);
        return report;
    }

    @Test
    void trlStandardIsAPairWithItsRanking() {
        imported("{\"prompt\":\"Hi\",\"chosen\":\"good\",\"rejected\":\"bad\"}")
                .then()
                .body("format", equalTo("trl"))
                .body("tasks", equalTo(1))
                .body("rankings", equalTo(1));
    }

    @Test
    void trlConversationalMayImplyItsPrompt() {
        String turn = "{\"role\":\"user\",\"content\":\"Hi\"}";
        imported("{\"chosen\":[" + turn + ",{\"role\":\"assistant\",\"content\":\"good\"}],\"rejected\":[" + turn
                        + ",{\"role\":\"assistant\",\"content\":\"bad\"}]}")
                .then()
                .body("format", equalTo("trl"))
                .body("tasks", equalTo(1));
    }

    @Test
    void anthropicDialoguesAreTakenApart() {
        imported("{\"chosen\":\"\\n\\nHuman: Hi\\n\\nAssistant: Yes?\\n\\nHuman: Help\\n\\nAssistant: Sure.\","
                        + "\"rejected\":\"\\n\\nHuman: Hi\\n\\nAssistant: Yes?\\n\\nHuman: Help\\n\\nAssistant: No.\"}")
                .then()
                .body("format", equalTo("hh"))
                .body("tasks", equalTo(1))
                .body("rankings", equalTo(1));
    }

    @Test
    void everyPromptOfATreeWithTwoRankedRepliesIsATask() {
        String tree = "{\"prompt\":{\"role\":\"prompter\",\"text\":\"A?\",\"replies\":["
                + "{\"role\":\"assistant\",\"text\":\"best\",\"rank\":0,\"replies\":[{\"role\":\"prompter\","
                + "\"text\":\"And B?\",\"replies\":[{\"role\":\"assistant\",\"text\":\"x\",\"rank\":1,\"replies\":[]},"
                + "{\"role\":\"assistant\",\"text\":\"y\",\"rank\":0,\"replies\":[]}]}]},"
                + "{\"role\":\"assistant\",\"text\":\"worst\",\"rank\":1,\"replies\":[]},"
                + "{\"role\":\"assistant\",\"text\":\"unranked\",\"rank\":null,\"replies\":[]}]}}";
        imported(tree)
                .then()
                .body("format", equalTo("oasst"))
                .body("tasks", equalTo(2))
                .body("rankings", equalTo(2));
    }

    @Test
    void podiumLinesCarryOutputsAndARankingInGroups() {
        String project = Api.project("{}");
        Api.importLines(
                        project,
                        "",
                        "{\"prompt\":\"Hi\",\"outputs\":[\"a\",\"b\",\"c\"],\"ranking\":[[2],[0,1]],\"labeler\":\"ann\"}")
                .then()
                .body("tasks", equalTo(1))
                .body("rankings", equalTo(1));
        String labeler = Api.person("labeler");
        List<String> texts = Api.next(labeler, project).path("task.outputs.text");
        assertEquals(List.of("a", "b", "c"), texts.stream().sorted().toList());
    }
}
