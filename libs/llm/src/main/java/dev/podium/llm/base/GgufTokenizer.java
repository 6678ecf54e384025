package dev.podium.llm.base;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.llm.files.GgufFile;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.UnsupportedModelException;
import java.util.List;

/** Rebuilds {@code tokenizer.json} from the vocabulary and merges of a GGUF file, token for token. */
final class GgufTokenizer {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long CONTROL = 3;
    private static final long USER_DEFINED = 4;

    private GgufTokenizer() {}

    static byte[] tokenizerJson(GgufFile file) {
        String model = file.text("tokenizer.ggml.model").orElse("");
        String pre = file.text("tokenizer.ggml.pre").orElse("default");
        if (!model.equals("gpt2") || !pre.equals("smollm")) {
            throw new UnsupportedModelException("tokenizer.ggml.model " + model + " with tokenizer.ggml.pre " + pre
                    + " is not rebuilt; use the model's Hugging Face folder instead");
        }
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0");
        root.putNull("truncation");
        root.putNull("padding");
        List<String> tokens = list(file, "tokenizer.ggml.tokens", String.class);
        List<Long> types = list(file, "tokenizer.ggml.token_type", Long.class);
        if (tokens.size() != types.size()) {
            throw new ModelFileException(
                    tokens.size() + " tokenizer.ggml.tokens, but " + types.size() + " tokenizer.ggml.token_type");
        }
        addedTokens(root.putArray("added_tokens"), tokens, types);
        root.putNull("normalizer");
        ObjectNode preTokenizer = root.putObject("pre_tokenizer").put("type", "Sequence");
        ArrayNode steps = preTokenizer.putArray("pretokenizers");
        steps.addObject().put("type", "Digits").put("individual_digits", true);
        byteLevel(steps.addObject()).put("use_regex", true);
        root.putNull("post_processor");
        byteLevel(root.putObject("decoder")).put("use_regex", true);
        ObjectNode bpe = root.putObject("model");
        bpe.put("type", "BPE");
        bpe.putNull("dropout");
        bpe.putNull("unk_token");
        bpe.putNull("continuing_subword_prefix");
        bpe.putNull("end_of_word_suffix");
        bpe.put("fuse_unk", false);
        bpe.put("byte_fallback", false);
        bpe.put("ignore_merges", false);
        ObjectNode vocabulary = bpe.putObject("vocab");
        for (int i = 0; i < tokens.size(); i++) {
            vocabulary.put(tokens.get(i), i);
        }
        ArrayNode merges = bpe.putArray("merges");
        list(file, "tokenizer.ggml.merges", String.class).forEach(merges::add);
        try {
            return JSON.writeValueAsBytes(root);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A list of the metadata, all of whose entries are of one type. */
    static <T> List<T> list(GgufFile file, String key, Class<T> type) {
        List<?> values = file.list(key);
        if (values.isEmpty() || !values.stream().allMatch(type::isInstance)) {
            throw new ModelFileException("the metadata has no list " + key + " of " + type.getSimpleName());
        }
        return values.stream().map(type::cast).toList();
    }

    private static ObjectNode byteLevel(ObjectNode node) {
        return node.put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true);
    }

    private static void addedTokens(ArrayNode added, List<String> tokens, List<Long> types) {
        for (int i = 0; i < tokens.size(); i++) {
            long type = types.get(i);
            if (type == CONTROL || type == USER_DEFINED) {
                added.addObject()
                        .put("id", i)
                        .put("content", tokens.get(i))
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", type == CONTROL);
            }
        }
    }
}
