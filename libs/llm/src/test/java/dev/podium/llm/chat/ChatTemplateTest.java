package dev.podium.llm.chat;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class ChatTemplateTest {
    @TestFactory
    List<DynamicTest> rendersAsTransformersDoes() throws Exception {
        JsonNode cases =
                new ObjectMapper().readTree(Files.readAllBytes(Path.of("src/test/resources/golden/chat.json")));
        List<DynamicTest> tests = new ArrayList<>();
        for (JsonNode c : cases) {
            boolean prompt = c.path("addGenerationPrompt").asBoolean();
            String name = c.path("name").asText() + ", " + c.path("messages").size() + " messages, " + prompt;
            tests.add(dynamicTest(name, () -> {
                List<ChatMessage> messages = new ArrayList<>();
                c.path("messages")
                        .forEach(m -> messages.add(new ChatMessage(
                                m.path("role").asText(), m.path("content").asText())));
                String text = new ChatTemplate(c.path("template").asText(), "<s>", "</s>").render(messages, prompt);
                Assertions.assertEquals(c.path("text").asText(), text);
            }));
        }
        return tests;
    }

    @Test
    void aTemplatesRefusalIsAnError() {
        ChatTemplate template = new ChatTemplate("{{ raise_exception('no system role') }}", "", "");
        assertThrows(
                IllegalArgumentException.class, () -> template.render(List.of(new ChatMessage("system", "x")), false));
    }
}
