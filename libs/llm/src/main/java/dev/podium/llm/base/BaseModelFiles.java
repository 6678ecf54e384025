package dev.podium.llm.base;

import dev.podium.llm.chat.ChatMessage;
import dev.podium.llm.chat.ChatTemplate;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.TensorSource;
import dev.podium.llm.tokenizer.ModelTokenizer;
import java.util.List;

/**
 * An opened base model: what a {@link dev.podium.llm.model.CausalLM} is made of, and how text becomes tokens for it.
 *
 * @param sha256 of the weights file, hex; adapters name it
 * @param companions what a folder of a model trained from this one has beside its weights
 */
public record BaseModelFiles(
        String name,
        ModelConfig config,
        TensorSource weights,
        ModelTokenizer tokenizer,
        ChatTemplate chatTemplate,
        String sha256,
        CompanionFiles companions)
        implements AutoCloseable {
    /** Tokens of a conversation that ends with the opening of the assistant's turn. */
    public int[] promptTokens(List<ChatMessage> messages) {
        return tokenizer.encode(chatTemplate.render(messages, true));
    }

    @Override
    public void close() {
        weights.close();
        tokenizer.close();
    }
}
