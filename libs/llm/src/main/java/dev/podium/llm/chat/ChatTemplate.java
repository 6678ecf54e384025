package dev.podium.llm.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A chat template in Jinja, rendered as transformers renders it (blocks trimmed on both sides; {@code bos_token},
 * {@code eos_token}, {@code add_generation_prompt} and {@code raise_exception} are there).
 */
public final class ChatTemplate {
    private static final Jinjava JINJA = jinja();

    private final String template;
    private final String beginToken;
    private final String endToken;

    public ChatTemplate(String template, String beginToken, String endToken) {
        this.template = WhitespaceControl.apply(template);
        this.beginToken = beginToken;
        this.endToken = endToken;
    }

    private static Jinjava jinja() {
        Jinjava jinja = new Jinjava(JinjavaConfig.newBuilder()
                // Both are done already, by WhitespaceControl.
                .withTrimBlocks(false)
                .withLstripBlocks(false)
                .withNestedInterpretationEnabled(false)
                .withKeepTrailingNewline(true)
                .withMaxRenderDepth(64)
                .withMaxOutputSize(64L << 20)
                .withLegacyOverrides(LegacyOverrides.newBuilder()
                        .withUsePyishObjectMapper(true)
                        .withKeepNullableLoopValues(true)
                        .build())
                .build());
        jinja.getGlobalContext()
                .registerFunction(
                        new ELFunctionDefinition("", "raise_exception", ChatTemplate.class, "raise", String.class));
        return jinja;
    }

    /** Called by templates that refuse a conversation. */
    public static String raise(String message) {
        throw new IllegalArgumentException(message);
    }

    /**
     * @param addGenerationPrompt whether to end with the opening of the assistant's turn
     * @throws IllegalArgumentException when the template refuses the conversation
     */
    public String render(List<ChatMessage> messages, boolean addGenerationPrompt) {
        Map<String, Object> context = new HashMap<>();
        context.put(
                "messages",
                messages.stream()
                        .map(m -> Map.of("role", m.role(), "content", m.content()))
                        .toList());
        context.put("add_generation_prompt", addGenerationPrompt);
        context.put("bos_token", beginToken);
        context.put("eos_token", endToken);
        RenderResult result = JINJA.renderForResult(template, context);
        if (result.hasErrors()) {
            throw new IllegalArgumentException("the chat template cannot render this conversation: "
                    + result.getErrors().getFirst().getMessage());
        }
        return result.getOutput();
    }
}
