package dev.podium.llm.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Shape of a decoder-only model of the Llama family, as Hugging Face's {@code config.json} gives it.
 *
 * @param intermediateSize width of the feed-forward layer
 * @param headSize width of one attention head
 * @param ropeTheta base of the rotary position frequencies
 * @param tiedEmbeddings whether the output head is the embedding matrix
 * @param attentionBias biases on q, k and v (Qwen2)
 * @param queryKeyNorm RMSNorm on each head's q and k (Qwen3)
 * @param endIds tokens that end a text
 * @param ropeScaling how the frequencies of positions are changed for long texts
 */
public record ModelConfig(
        int vocabularySize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int keyValueHeads,
        int headSize,
        double ropeTheta,
        double normEpsilon,
        int maxPositions,
        boolean tiedEmbeddings,
        boolean attentionBias,
        boolean queryKeyNorm,
        List<Integer> endIds,
        RopeScaling ropeScaling) {
    private static final Set<String> FAMILIES = Set.of("llama", "mistral", "qwen2", "qwen3");

    public ModelConfig {
        endIds = List.copyOf(endIds);
        if (heads < 1 || keyValueHeads < 1 || heads % keyValueHeads != 0) {
            throw new UnsupportedModelException(
                    "num_attention_heads " + heads + " is no multiple of num_key_value_heads " + keyValueHeads);
        }
        if (headSize < 2
                || headSize % 2 != 0
                || layers < 1
                || hiddenSize < 1
                || intermediateSize < 1
                || vocabularySize < 1
                || maxPositions < 1) {
            throw new UnsupportedModelException("head_dim must be even, and all sizes positive");
        }
        for (int id : endIds) {
            if (id < 0 || id >= vocabularySize) {
                throw new UnsupportedModelException(
                        "eos_token_id " + id + " is outside of the vocabulary of " + vocabularySize);
            }
        }
    }

    /**
     * Reads a {@code config.json}.
     *
     * @throws UnsupportedModelException naming the field that asks for something that is not built
     */
    public static ModelConfig parse(byte[] configJson) throws IOException {
        JsonNode c = new ObjectMapper().readTree(configJson);
        String family = c.path("model_type").asText("");
        if (!FAMILIES.contains(family)) {
            throw new UnsupportedModelException("model_type " + family + " is not supported; one of "
                    + FAMILIES.stream().sorted().toList() + " is");
        }
        int maxPositions = c.path("max_position_embeddings").asInt(2048);
        // Where the scaling of positions stands: up to transformers 4, and from 5 on.
        RopeScaling scaling = RopeScaling.NONE;
        for (String field : List.of("rope_scaling", "rope_parameters")) {
            RopeScaling found = RopeScaling.parse(field, c.path(field), maxPositions);
            scaling = found.type() == RopeScaling.Type.NONE ? scaling : found;
        }
        if (c.path("attention_bias").asBoolean(false)) {
            throw new UnsupportedModelException("attention_bias is not supported, it puts a bias on o_proj as well");
        }
        if (c.path("sliding_window").isNumber() && c.path("use_sliding_window").asBoolean(family.equals("mistral"))) {
            throw new UnsupportedModelException("sliding_window is not supported");
        }
        if (family.equals("mistral") && !c.has("sliding_window")) {
            throw new UnsupportedModelException("sliding_window is not given, and transformers would take 4096;"
                    + " write \"sliding_window\": null into config.json if the model attends to everything");
        }
        String activation = c.path("hidden_act").asText("silu");
        if (!activation.equals("silu")) {
            throw new UnsupportedModelException("hidden_act " + activation + " is not supported, only silu is");
        }
        if (c.path("mlp_bias").asBoolean(false)) {
            throw new UnsupportedModelException("mlp_bias is not supported");
        }
        for (String field :
                List.of("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")) {
            if (c.path(field).asInt(0) <= 0) {
                throw new UnsupportedModelException(field + " is missing or not above 0 in config.json");
            }
        }
        int hidden = c.path("hidden_size").asInt();
        int heads = c.path("num_attention_heads").asInt();
        double theta = c.path("rope_theta")
                .asDouble(c.path("rope_parameters").path("rope_theta").asDouble(10_000));
        return new ModelConfig(
                c.path("vocab_size").asInt(),
                hidden,
                c.path("intermediate_size").asInt(),
                c.path("num_hidden_layers").asInt(),
                heads,
                c.path("num_key_value_heads").asInt(heads),
                c.path("head_dim").asInt(heads == 0 ? 0 : hidden / heads),
                theta,
                c.path("rms_norm_eps").asDouble(1e-6),
                maxPositions,
                c.path("tie_word_embeddings").asBoolean(false),
                family.equals("qwen2"),
                family.equals("qwen3"),
                ids(c.path("eos_token_id")),
                scaling);
    }

    /** A model without scaled positions. */
    public ModelConfig(
            int vocabularySize,
            int hiddenSize,
            int intermediateSize,
            int layers,
            int heads,
            int keyValueHeads,
            int headSize,
            double ropeTheta,
            double normEpsilon,
            int maxPositions,
            boolean tiedEmbeddings,
            boolean attentionBias,
            boolean queryKeyNorm,
            List<Integer> endIds) {
        this(
                vocabularySize,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                keyValueHeads,
                headSize,
                ropeTheta,
                normEpsilon,
                maxPositions,
                tiedEmbeddings,
                attentionBias,
                queryKeyNorm,
                endIds,
                RopeScaling.NONE);
    }

    private static List<Integer> ids(JsonNode node) {
        List<Integer> ids = new ArrayList<>();
        if (node.isInt()) {
            ids.add(node.asInt());
        }
        node.forEach(id -> ids.add(id.asInt()));
        return ids;
    }
}
