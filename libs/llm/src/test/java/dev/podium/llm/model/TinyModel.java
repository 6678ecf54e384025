package dev.podium.llm.model;

import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.TensorSource;
import dev.podium.llm.torch.TorchRuntime;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** A tiny random Llama for tests: real architecture, real gradients, milliseconds. */
public final class TinyModel {
    public static final ModelConfig CONFIG =
            new ModelConfig(64, 32, 48, 2, 4, 2, 8, 10_000, 1e-5, 128, true, false, false, List.of(1));

    private static final class Holder {
        static final TorchRuntime RUNTIME = TorchRuntime.start("cpu", 1);
    }

    private TinyModel() {}

    public static TorchRuntime runtime() {
        Holder.RUNTIME.enterThread();
        return Holder.RUNTIME;
    }

    public static CausalLM random(long seed) {
        return CausalLM.load(CONFIG, weights(CONFIG, seed), runtime());
    }

    /** Random weights of a configuration's shape, N(0, 0.1), norms at one. */
    public static TensorSource weights(ModelConfig c, long seed) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put("model.embed_tokens.weight", new long[] {c.vocabularySize(), c.hiddenSize()});
        int attention = c.heads() * c.headSize();
        int keyValue = c.keyValueHeads() * c.headSize();
        for (int i = 0; i < c.layers(); i++) {
            String p = "model.layers." + i + ".";
            shapes.put(p + "input_layernorm.weight", new long[] {c.hiddenSize()});
            shapes.put(p + "self_attn.q_proj.weight", new long[] {attention, c.hiddenSize()});
            shapes.put(p + "self_attn.k_proj.weight", new long[] {keyValue, c.hiddenSize()});
            shapes.put(p + "self_attn.v_proj.weight", new long[] {keyValue, c.hiddenSize()});
            shapes.put(p + "self_attn.o_proj.weight", new long[] {c.hiddenSize(), attention});
            shapes.put(p + "post_attention_layernorm.weight", new long[] {c.hiddenSize()});
            shapes.put(p + "mlp.gate_proj.weight", new long[] {c.intermediateSize(), c.hiddenSize()});
            shapes.put(p + "mlp.up_proj.weight", new long[] {c.intermediateSize(), c.hiddenSize()});
            shapes.put(p + "mlp.down_proj.weight", new long[] {c.hiddenSize(), c.intermediateSize()});
        }
        shapes.put("model.norm.weight", new long[] {c.hiddenSize()});
        Random random = new Random(seed);
        Map<String, float[]> values = new LinkedHashMap<>();
        shapes.forEach((name, shape) -> {
            int size = 1;
            for (long d : shape) {
                size *= (int) d;
            }
            float[] v = new float[size];
            for (int i = 0; i < size; i++) {
                v[i] = name.contains("norm") ? 1 : (float) (random.nextGaussian() * 0.1);
            }
            values.put(name, v);
        });
        return new TensorSource() {
            @Override
            public Set<String> names() {
                return shapes.keySet();
            }

            @Override
            public long[] shape(String name) {
                return new ArrayList<>(List.of(shapes.get(name))).getFirst();
            }

            @Override
            public FloatBuffer readFloat32(String name) {
                return FloatBuffer.wrap(values.get(name));
            }

            @Override
            public void close() {}
        };
    }
}
