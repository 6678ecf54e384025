package dev.podium.llm.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** podium-nano's tokenizer against Hugging Face's own library in Python. */
class ModelTokenizerTest {
    @Test
    void tokensAndTextsEqualTheOriginalLibrary() throws IOException {
        JsonNode golden =
                new ObjectMapper().readTree(Files.readAllBytes(Path.of("src/test/resources/golden/nano-tokens.json")));
        try (ModelTokenizer tokenizer = nano()) {
            for (JsonNode c : golden) {
                String text = c.path("text").asText();
                int[] ids = new int[c.path("ids").size()];
                for (int i = 0; i < ids.length; i++) {
                    ids[i] = c.path("ids").get(i).asInt();
                }
                assertArrayEquals(ids, tokenizer.encode(text), text);
                assertEquals(c.path("decoded").asText(), tokenizer.decode(ids), text);
            }
        }
    }

    @Test
    void longTextsAreNotCutAndShortOnesNotPadded() throws IOException {
        try (ModelTokenizer tokenizer = nano()) {
            String text = "Please restart the router. ".repeat(2000);
            assertEquals(text, tokenizer.decode(tokenizer.encode(text)));
            assertEquals(1, tokenizer.encode("a").length);
            assertEquals(0, tokenizer.encode("").length);
        }
    }

    @Test
    void specialTokensAreWrittenByTheTemplateAloneAndHiddenInTexts() throws IOException {
        try (ModelTokenizer tokenizer = nano()) {
            int[] ids = tokenizer.encode("Hello!<|im_end|>");
            assertEquals(tokenizer.endIds()[0], ids[ids.length - 1]);
            assertEquals("Hello!", tokenizer.decode(ids));
            assertEquals(ids.length - 1, tokenizer.encode("Hello!").length);
        }
    }

    @Test
    void aDamagedFileOrNoEndTokenIsRefusedInWords() {
        assertThrows(IllegalArgumentException.class, () -> ModelTokenizer.of("{}".getBytes(UTF_8), List.of(1)));
        assertThrows(IllegalArgumentException.class, () -> ModelTokenizer.of("no json".getBytes(UTF_8), List.of(1)));
        assertTrue(String.valueOf(
                        assertThrows(IllegalArgumentException.class, () -> ModelTokenizer.of(new byte[0], List.of()))
                                .getMessage())
                .contains("eos_token_id"));
    }

    private static ModelTokenizer nano() throws IOException {
        return ModelTokenizer.of(
                Files.readAllBytes(Path.of("src/main/resources/podium-nano/tokenizer.json")), List.of(2));
    }
}
