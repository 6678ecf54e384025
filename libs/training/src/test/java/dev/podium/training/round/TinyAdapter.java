package dev.podium.training.round;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RoundConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A small adapter in PEFT's form, made by hand: two layers, q_proj and v_proj, hidden size 4. */
public final class TinyAdapter {
    public static final RoundConfig.Lora LORA = new RoundConfig.Lora(8, 16, 0, Set.of("q_proj", "v_proj"));
    public static final String BASE = "tiny-base";
    public static final String BASE_SHA256 = "b".repeat(64);
    private static final int HIDDEN = 4;
    private static final int LAYERS = 2;

    private TinyAdapter() {}

    /** Writes a valid one; all values are {@code value}. */
    public static Path write(Path folder, AdapterManifest.Kind kind, float value) throws IOException {
        Files.createDirectories(folder);
        boolean reward = kind == AdapterManifest.Kind.REWARD;
        Files.write(folder.resolve("adapter_config.json"), EventJson.write(config(reward ? "SEQ_CLS" : "CAUSAL_LM")));
        Files.write(folder.resolve("adapter_model.safetensors"), safetensors(shapes(8), value));
        if (reward) {
            Files.write(
                    folder.resolve("score.safetensors"),
                    safetensors(Map.of("base_model.model.score.weight", List.of(1, HIDDEN)), value));
        }
        return folder;
    }

    public static Map<String, Object> config(String taskType) {
        Map<String, Object> config = new TreeMap<>();
        config.put("peft_type", "LORA");
        config.put("task_type", taskType);
        config.put("base_model_name_or_path", BASE);
        config.put("bias", "none");
        config.put("r", 8);
        config.put("lora_alpha", 16);
        config.put("target_modules", List.of("q_proj", "v_proj"));
        config.put("rank_pattern", Map.of());
        config.put("alpha_pattern", Map.of());
        config.put("use_dora", false);
        config.put("use_rslora", false);
        config.put("fan_in_fan_out", false);
        return config;
    }

    public static Map<String, List<Integer>> shapes(int r) {
        Map<String, List<Integer>> shapes = new TreeMap<>();
        for (int layer = 0; layer < LAYERS; layer++) {
            for (String target : List.of("q_proj", "v_proj")) {
                String name = "base_model.model.model.layers." + layer + ".self_attn." + target;
                shapes.put(name + ".lora_A.weight", List.of(r, HIDDEN));
                shapes.put(name + ".lora_B.weight", List.of(HIDDEN, r));
            }
        }
        return shapes;
    }

    public static byte[] safetensors(Map<String, List<Integer>> shapes, float value) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("__metadata__", Map.of("format", "pt"));
        int at = 0;
        for (Map.Entry<String, List<Integer>> tensor : new TreeMap<>(shapes).entrySet()) {
            int bytes = 4 * tensor.getValue().stream().reduce(1, (a, b) -> a * b);
            header.put(
                    tensor.getKey(),
                    Map.of("dtype", "F32", "shape", tensor.getValue(), "data_offsets", List.of(at, at + bytes)));
            at += bytes;
        }
        byte[] json = EventJson.writeText(header).getBytes(UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + at).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json);
        while (file.hasRemaining()) {
            file.putFloat(value);
        }
        return file.array();
    }
}
