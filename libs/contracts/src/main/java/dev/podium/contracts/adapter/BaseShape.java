package dev.podium.contracts.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What of a base model decides the shapes of an adapter's tensors.
 *
 * @param layers number of decoder layers
 * @param hidden width of the residual stream
 * @param intermediate width of the feed-forward layer
 * @param heads attention heads
 * @param keyValueHeads heads of keys and values
 * @param headSize width of one head
 */
public record BaseShape(int layers, int hidden, int intermediate, int heads, int keyValueHeads, int headSize) {
    /** Reads it from the base model's {@code config.json}, as Hugging Face writes it. */
    public static BaseShape read(Path configJson) throws IOException {
        try {
            JsonNode config = EventJson.tree(Files.readAllBytes(configJson));
            int hidden = size(config, "hidden_size", configJson);
            int heads = size(config, "num_attention_heads", configJson);
            return new BaseShape(
                    size(config, "num_hidden_layers", configJson),
                    hidden,
                    size(config, "intermediate_size", configJson),
                    heads,
                    config.path("num_key_value_heads").asInt(heads),
                    config.path("head_dim").asInt(hidden / heads));
        } catch (InvalidEventException e) {
            throw new IOException(configJson + " is " + e.getMessage(), e);
        }
    }

    private static int size(JsonNode config, String field, Path file) throws IOException {
        int size = config.path(field).asInt(0);
        if (size < 1) {
            throw new IOException(file + " has no " + field);
        }
        return size;
    }

    /** What goes into a projection. */
    long in(String target) throws ArtifactException {
        return switch (target) {
            case "q_proj", "k_proj", "v_proj", "gate_proj", "up_proj" -> hidden;
            case "o_proj" -> (long) heads * headSize;
            case "down_proj" -> intermediate;
            default -> throw new ArtifactException("the base model has no " + target);
        };
    }

    /** What comes out of a projection. */
    long out(String target) throws ArtifactException {
        return switch (target) {
            case "q_proj" -> (long) heads * headSize;
            case "k_proj", "v_proj" -> (long) keyValueHeads * headSize;
            case "o_proj", "down_proj" -> hidden;
            case "gate_proj", "up_proj" -> intermediate;
            default -> throw new ArtifactException("the base model has no " + target);
        };
    }
}
