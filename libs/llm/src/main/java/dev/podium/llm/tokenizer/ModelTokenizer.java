package dev.podium.llm.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A model's tokenizer. It adds no special tokens of its own (the chat template writes them), never truncates and never
 * pads.
 */
public final class ModelTokenizer implements AutoCloseable {
    private final HuggingFaceTokenizer tokenizer;
    private final List<Integer> endIds;

    private ModelTokenizer(HuggingFaceTokenizer tokenizer, List<Integer> endIds) {
        this.tokenizer = tokenizer;
        this.endIds = List.copyOf(endIds);
    }

    /**
     * @param tokenizerJson a {@code tokenizer.json}
     * @param endIds tokens that end a turn; the first one is what completions are trained to end with
     */
    public static ModelTokenizer of(byte[] tokenizerJson, List<Integer> endIds) {
        if (endIds.isEmpty()) {
            throw new IllegalArgumentException("the model's configuration names no end token (eos_token_id)");
        }
        // The library knows these only as options; without them it truncates at 512 and pads.
        Map<String, String> options = new HashMap<>();
        options.put("addSpecialTokens", "false");
        options.put("truncation", "false");
        options.put("padding", "false");
        try (InputStream in = new ByteArrayInputStream(tokenizerJson)) {
            return new ModelTokenizer(HuggingFaceTokenizer.newInstance(in, options), endIds);
        } catch (IOException | RuntimeException e) {
            // The native library throws plain RuntimeExceptions on bad content.
            throw new IllegalArgumentException("the tokenizer cannot be read: " + e.getMessage(), e);
        }
    }

    public int[] encode(String text) {
        long[] ids = tokenizer.encode(text, false, false).getIds();
        int[] result = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            result[i] = Math.toIntExact(ids[i]);
        }
        return result;
    }

    /** The text of tokens, without special ones. */
    public String decode(int[] ids) {
        long[] wide = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            wide[i] = ids[i];
        }
        return tokenizer.decode(wide, true);
    }

    public int[] endIds() {
        return endIds.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
