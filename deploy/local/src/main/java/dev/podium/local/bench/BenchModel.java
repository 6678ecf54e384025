package dev.podium.local.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.SafetensorsWriter;
import dev.podium.llm.files.TensorSource;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/** The models that are measured: a real one, and a small one with weights by chance. */
enum BenchModel {
    SMOLLM2("smollm2-135m-instruct"),
    RANDOM_30M("random-30m");

    private static final String TOKENIZER_OF = "smollm2-135m-instruct";
    private static final ModelConfig SMALL =
            new ModelConfig(49_152, 384, 1024, 6, 6, 2, 64, 10_000, 1e-5, 2048, true, false, false, List.of(2));

    private final String label;

    BenchModel(String label) {
        this.label = label;
    }

    String label() {
        return label;
    }

    static BenchModel of(String label) {
        for (BenchModel model : values()) {
            if (model.label.equals(label)) {
                return model;
            }
        }
        throw new IllegalArgumentException(
                "no model " + label + " to measure; smollm2-135m-instruct and random-30m are");
    }

    /** Opens the files; the small model borrows SmolLM2's tokenizer. */
    BaseModelFiles open(Path modelsDir) {
        BaseModelFiles real = new BaseModels(modelsDir).open(TOKENIZER_OF);
        return this == SMOLLM2
                ? real
                : new BaseModelFiles(
                        label,
                        SMALL,
                        new RandomWeights(SMALL),
                        real.tokenizer(),
                        real.chatTemplate(),
                        "random",
                        real.companions());
    }

    /** Writes what transformers loads: {@code config.json} and {@code model.safetensors} in float32. */
    static void writeHuggingFaceFolder(BaseModelFiles files, Path folder, SafetensorsWriter.Type type)
            throws IOException {
        Files.createDirectories(folder);
        ModelConfig c = files.config();
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("architectures", List.of("LlamaForCausalLM"));
        config.put("model_type", "llama");
        config.put("vocab_size", c.vocabularySize());
        config.put("hidden_size", c.hiddenSize());
        config.put("intermediate_size", c.intermediateSize());
        config.put("num_hidden_layers", c.layers());
        config.put("num_attention_heads", c.heads());
        config.put("num_key_value_heads", c.keyValueHeads());
        config.put("head_dim", c.headSize());
        config.put("rope_theta", c.ropeTheta());
        config.put("rms_norm_eps", c.normEpsilon());
        config.put("max_position_embeddings", c.maxPositions());
        config.put("tie_word_embeddings", c.tiedEmbeddings());
        config.put("hidden_act", "silu");
        config.put("torch_dtype", type == SafetensorsWriter.Type.BF16 ? "bfloat16" : "float32");
        config.put("bos_token_id", 1);
        config.put("eos_token_id", 2);
        config.put("pad_token_id", 2);
        new ObjectMapper().writeValue(folder.resolve("config.json").toFile(), config);
        Map<String, SafetensorsWriter.Tensor> tensors = new LinkedHashMap<>();
        for (String name : files.weights().names()) {
            FloatBuffer values = files.weights().readFloat32(name);
            float[] copy = new float[values.remaining()];
            values.get(copy);
            tensors.put(name, new SafetensorsWriter.Tensor(copy, files.weights().shape(name)));
        }
        SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors, type, Map.of("format", "pt"));
    }

    /** Normal weights of deviation 0.02, norms of ones; the same for one seed. */
    private static final class RandomWeights implements TensorSource {
        private final Map<String, long[]> shapes = new LinkedHashMap<>();

        RandomWeights(ModelConfig c) {
            long hidden = c.hiddenSize();
            long keys = (long) c.keyValueHeads() * c.headSize();
            shapes.put("model.embed_tokens.weight", new long[] {c.vocabularySize(), hidden});
            for (int i = 0; i < c.layers(); i++) {
                String prefix = "model.layers." + i + ".";
                shapes.put(prefix + "input_layernorm.weight", new long[] {hidden});
                shapes.put(prefix + "self_attn.q_proj.weight", new long[] {hidden, hidden});
                shapes.put(prefix + "self_attn.k_proj.weight", new long[] {keys, hidden});
                shapes.put(prefix + "self_attn.v_proj.weight", new long[] {keys, hidden});
                shapes.put(prefix + "self_attn.o_proj.weight", new long[] {hidden, hidden});
                shapes.put(prefix + "post_attention_layernorm.weight", new long[] {hidden});
                shapes.put(prefix + "mlp.gate_proj.weight", new long[] {c.intermediateSize(), hidden});
                shapes.put(prefix + "mlp.up_proj.weight", new long[] {c.intermediateSize(), hidden});
                shapes.put(prefix + "mlp.down_proj.weight", new long[] {hidden, c.intermediateSize()});
            }
            shapes.put("model.norm.weight", new long[] {hidden});
        }

        @Override
        public Set<String> names() {
            return shapes.keySet();
        }

        @Override
        public long[] shape(String name) {
            long[] shape = shapes.get(name);
            if (shape == null) {
                throw new IllegalArgumentException("no tensor " + name);
            }
            return shape.clone();
        }

        @Override
        public FloatBuffer readFloat32(String name) {
            int size = 1;
            for (long length : shape(name)) {
                size = Math.toIntExact(size * length);
            }
            float[] values = new float[size];
            SplittableRandom random = new SplittableRandom(name.hashCode());
            boolean norm = name.endsWith("norm.weight");
            for (int i = 0; i < size; i++) {
                values[i] = norm ? 1 : (float) (random.nextGaussian() * 0.02);
            }
            return FloatBuffer.wrap(values);
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    }
}
