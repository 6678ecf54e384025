package dev.podium.llm.base;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.SafetensorsWriter;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.torch.Transfer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Writes a trained model as a folder that transformers loads: {@code config.json}, {@code model.safetensors} in float32,
 * {@code tokenizer.json}, {@code tokenizer_config.json}, and what else its base had beside its weights.
 */
public final class HuggingFaceFolder {
    static final String CONFIG = "config.json";
    static final String TOKENIZER = "tokenizer.json";
    static final String TOKENIZER_CONFIG = "tokenizer_config.json";
    private static final String WEIGHTS = "model.safetensors";
    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private HuggingFaceFolder() {}

    /**
     * Writes a folder.
     *
     * @param base whose configuration and tokenizer the model has
     * @param weights all of them, under Hugging Face's names
     */
    public static void write(Path folder, BaseModelFiles base, List<NamedParameter> weights) throws IOException {
        Files.createDirectories(folder);
        for (Map.Entry<String, byte[]> file : base.companions().read().entrySet()) {
            byte[] content = file.getKey().equals(CONFIG) ? inFloat32(file.getValue()) : file.getValue();
            Files.write(folder.resolve(file.getKey()), content);
        }
        SafetensorsWriter.write(
                folder.resolve(WEIGHTS),
                weights.stream()
                        .map(weight -> new SafetensorsWriter.Source(
                                weight.name(),
                                weight.array().getShape().getShape(),
                                sink -> Transfer.read(weight.array(), sink::accept)))
                        .toList(),
                SafetensorsWriter.Type.F32,
                Map.of("format", "pt"));
    }

    /** A loader that follows the configuration's data type would round the weights to it. */
    private static byte[] inFloat32(byte[] configJson) throws IOException {
        ObjectNode config = (ObjectNode) JSON.readTree(configJson);
        config.remove("quantization_config");
        config.put(config.has("dtype") ? "dtype" : "torch_dtype", "float32");
        if (config.has("torch_dtype")) {
            config.put("torch_dtype", "float32");
        }
        return JSON.writeValueAsBytes(config);
    }

    /** What a GGUF file says in other words. */
    static SortedMap<String, byte[]> companions(
            ModelConfig c, byte[] tokenizerJson, String template, String begin, String end) throws IOException {
        ObjectNode config = JSON.createObjectNode();
        config.putArray("architectures").add("LlamaForCausalLM");
        config.put("model_type", "llama");
        config.put("vocab_size", c.vocabularySize());
        config.put("hidden_size", c.hiddenSize());
        config.put("intermediate_size", c.intermediateSize());
        config.put("num_hidden_layers", c.layers());
        config.put("num_attention_heads", c.heads());
        config.put("num_key_value_heads", c.keyValueHeads());
        config.put("head_dim", c.headSize());
        config.put("hidden_act", "silu");
        config.put("rope_theta", c.ropeTheta());
        config.put("rms_norm_eps", c.normEpsilon());
        config.put("max_position_embeddings", c.maxPositions());
        config.put("tie_word_embeddings", c.tiedEmbeddings());
        if (c.endIds().size() == 1) {
            config.put("eos_token_id", c.endIds().getFirst());
        } else {
            ArrayNode ends = config.putArray("eos_token_id");
            c.endIds().forEach(ends::add);
        }
        config.put("torch_dtype", "float32");
        ObjectNode tokenizer = JSON.createObjectNode();
        tokenizer.put("tokenizer_class", "PreTrainedTokenizerFast");
        if (!begin.isEmpty()) {
            tokenizer.put("bos_token", begin);
        }
        tokenizer.put("eos_token", end);
        tokenizer.put("clean_up_tokenization_spaces", false);
        tokenizer.put("model_max_length", c.maxPositions());
        tokenizer.put("chat_template", template);
        SortedMap<String, byte[]> files = new TreeMap<>();
        files.put(CONFIG, JSON.writeValueAsBytes(config));
        files.put(TOKENIZER, tokenizerJson);
        files.put(TOKENIZER_CONFIG, JSON.writeValueAsBytes(tokenizer));
        return files;
    }
}
