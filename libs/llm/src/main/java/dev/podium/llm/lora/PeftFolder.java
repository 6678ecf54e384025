package dev.podium.llm.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.SafetensorsFile;
import dev.podium.llm.files.SafetensorsWriter;
import dev.podium.llm.files.SafetensorsWriter.Tensor;
import dev.podium.llm.model.CausalLM;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * An adapter on disk in PEFT's form, which vLLM and llama.cpp load too: {@code adapter_config.json} and
 * {@code adapter_model.safetensors}; a scalar head is a file of its own, {@code score.safetensors}.
 */
public final class PeftFolder {
    public static final String CONFIG = "adapter_config.json";
    public static final String WEIGHTS = "adapter_model.safetensors";
    public static final String HEAD = "score.safetensors";

    private static final Map<String, String> METADATA = Map.of("format", "pt");
    private static final Set<Integer> SERVABLE_RANKS = Set.of(8, 16, 32, 64);
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .build();

    private PeftFolder() {}

    /**
     * Writes an adapter. rsLoRA is written as plain LoRA (B times sqrt(r)), because llama.cpp ignores the flag.
     *
     * @param head the scalar head of a reward adapter
     */
    public static void write(Path folder, LoraAdapter adapter, Optional<ScalarHead> head, String baseName)
            throws IOException {
        write(folder, 0, adapter, head);
        Files.write(
                folder.resolve(CONFIG),
                JSON.writeValueAsBytes(
                        configJson(adapter.config(), baseName, head.isPresent() ? "SEQ_CLS" : "CAUSAL_LM")));
    }

    /**
     * Writes the tensors of one of several adapters of the same shape; {@link #write(Path, LoraAdapter, Optional,
     * String)} of the first writes the configuration.
     *
     * @param member from 0; what is above 0 is beside what PEFT sees
     */
    public static void write(Path folder, int member, LoraAdapter adapter, Optional<ScalarHead> head)
            throws IOException {
        Files.createDirectories(folder);
        LoraConfig config = adapter.config();
        Map<String, Tensor> tensors = new HashMap<>();
        float factor = config.rsLora() ? (float) Math.sqrt(config.r()) : 1;
        adapter.parameters().forEach(parameter -> {
            float[] values = parameter.array().toFloatArray();
            if (parameter.name().contains(".lora_B.") && factor != 1) {
                for (int i = 0; i < values.length; i++) {
                    values[i] *= factor;
                }
            }
            tensors.put(
                    parameter.name(),
                    new Tensor(values, parameter.array().getShape().getShape()));
        });
        SafetensorsWriter.write(folder.resolve(file(WEIGHTS, member)), tensors, SafetensorsWriter.Type.F32, METADATA);
        if (head.isPresent()) {
            float[] values = head.get().export();
            SafetensorsWriter.write(
                    folder.resolve(file(HEAD, member)),
                    Map.of(ScalarHead.TENSOR, new Tensor(values, new long[] {1, values.length})),
                    SafetensorsWriter.Type.F32,
                    METADATA);
        }
    }

    private static String file(String name, int member) {
        return member == 0 ? name : name.replace(".safetensors", "." + member + ".safetensors");
    }

    private static Map<String, Object> configJson(LoraConfig config, String baseName, String taskType) {
        Map<String, Object> json = new TreeMap<>();
        json.put("alpha_pattern", Map.of());
        json.put("auto_mapping", null);
        json.put("base_model_name_or_path", baseName);
        json.put("bias", "none");
        json.put("fan_in_fan_out", false);
        json.put("inference_mode", true);
        json.put("init_lora_weights", true);
        json.put("layers_pattern", null);
        json.put("layers_to_transform", null);
        json.put(
                "lora_alpha",
                config.alpha() == Math.rint(config.alpha()) ? (Object) (long) config.alpha() : (Object) config.alpha());
        json.put("lora_dropout", config.dropout());
        json.put("modules_to_save", null);
        json.put("peft_type", "LORA");
        json.put("r", config.r());
        json.put("rank_pattern", Map.of());
        json.put("revision", null);
        json.put(
                "target_modules",
                config.targets().stream().map(LoraTarget::projection).sorted().toList());
        json.put("task_type", taskType);
        json.put("use_dora", false);
        json.put("use_rslora", false);
        return json;
    }

    /**
     * Reads an adapter for a base model.
     *
     * @throws ModelFileException when the folder is damaged, of another base shape, or uses what is not built
     */
    public static LoraAdapter read(Path folder, CausalLM model) {
        return read(folder, 0, model);
    }

    /** Reads one of several adapters in a folder, from 0; 0 is the one that PEFT sees. */
    public static LoraAdapter read(Path folder, int member, CausalLM model) {
        LoraConfig config = readConfig(folder);
        Map<String, float[]> matrices = new HashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(file(WEIGHTS, member)))) {
            for (String name : file.names()) {
                requireShape(name, file.shape(name), config.r());
                matrices.put(name, copy(file.readFloat32(name)));
            }
        }
        int wanted = 2 * config.targets().size() * model.config().layers();
        if (matrices.size() > wanted) {
            throw new ModelFileException(folder + " does not fit the base model: it has " + matrices.size()
                    + " matrices, its targets are " + wanted);
        }
        try {
            return LoraAdapter.of(model, config, matrices);
        } catch (IllegalArgumentException e) {
            throw new ModelFileException(folder + " does not fit the base model: " + e.getMessage(), e);
        }
    }

    /** A is [r, in], B is [out, r]; a transposed matrix would otherwise be read without a sign. */
    private static void requireShape(String name, long[] shape, int r) {
        boolean sound = shape.length == 2
                && (name.endsWith(".lora_A.weight") && shape[0] == r
                        || name.endsWith(".lora_B.weight") && shape[1] == r);
        if (!sound) {
            throw new ModelFileException(
                    "the adapter's tensor " + name + " " + Arrays.toString(shape) + " is no LoRA matrix of rank " + r);
        }
    }

    /** Reads the scalar head beside an adapter. */
    public static ScalarHead readHead(Path folder, CausalLM model) {
        return readHead(folder, 0, model);
    }

    /** Reads the scalar head beside one of several adapters in a folder, from 0. */
    public static ScalarHead readHead(Path folder, int member, CausalLM model) {
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(file(HEAD, member)))) {
            return ScalarHead.of(model, copy(file.readFloat32(ScalarHead.TENSOR)));
        } catch (IllegalArgumentException e) {
            throw new ModelFileException(folder + " does not fit the base model: " + e.getMessage(), e);
        }
    }

    /** Reads {@code adapter_config.json}; what is not built is refused by name. */
    public static LoraConfig readConfig(Path folder) {
        JsonNode json;
        try {
            json = JSON.readTree(Files.readAllBytes(folder.resolve(CONFIG)));
        } catch (IOException e) {
            throw new ModelFileException("cannot read " + folder.resolve(CONFIG) + ": " + e.getMessage(), e);
        }
        refuse(!json.path("peft_type").asText().equals("LORA"), "peft_type is not LORA");
        refuse(!json.path("bias").asText("none").equals("none"), "bias is not none");
        String initial = json.path("init_lora_weights").asText("true");
        refuse(
                initial.matches("(?i)(pissa|olora|loftq|corda).*"),
                "init_lora_weights " + initial
                        + " changes the base model; convert the adapter to a plain one with PEFT");
        refuse(
                json.path("target_modules").isTextual(),
                "target_modules is the pattern " + json.path("target_modules") + "; list the layers' names instead");
        refuse(json.path("use_dora").asBoolean(false), "use_dora is set");
        refuse(json.path("fan_in_fan_out").asBoolean(false), "fan_in_fan_out is set");
        refuse(json.path("modules_to_save").size() > 0, "modules_to_save is not empty");
        refuse(json.path("rank_pattern").size() > 0, "rank_pattern is not empty");
        refuse(json.path("alpha_pattern").size() > 0, "alpha_pattern is not empty");
        Set<LoraTarget> targets = EnumSet.noneOf(LoraTarget.class);
        try {
            json.path("target_modules").forEach(target -> targets.add(LoraTarget.of(target.asText())));
            return new LoraConfig(
                    json.path("r").asInt(),
                    json.path("lora_alpha").asDouble(),
                    json.path("lora_dropout").asDouble(0),
                    targets,
                    json.path("use_rslora").asBoolean(false));
        } catch (IllegalArgumentException e) {
            throw new ModelFileException("the adapter cannot be used: " + e.getMessage(), e);
        }
    }

    private static void refuse(boolean condition, String what) {
        if (condition) {
            throw new ModelFileException("the adapter cannot be used: " + what);
        }
    }

    /**
     * Why an adapter must not be published, in words; empty when every server can load it.
     *
     * @param folder in PEFT's form
     */
    public static List<String> faults(Path folder) {
        List<String> faults = new java.util.ArrayList<>();
        try {
            LoraConfig config = readConfig(folder);
            if (!SERVABLE_RANKS.contains(config.r())) {
                faults.add("rank " + config.r() + " is none of 8, 16, 32, 64");
            }
            if (config.rsLora()) {
                faults.add("use_rslora is set, which some servers ignore");
            }
            for (String name : List.of(WEIGHTS, HEAD)) {
                if (name.equals(WEIGHTS) || Files.exists(folder.resolve(name))) {
                    notFinite(folder.resolve(name)).ifPresent(faults::add);
                }
            }
        } catch (ModelFileException | IllegalArgumentException e) {
            faults.add(String.valueOf(e.getMessage()));
        }
        return faults;
    }

    private static Optional<String> notFinite(Path path) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            for (String name : file.names()) {
                FloatBuffer values = file.readFloat32(name);
                while (values.hasRemaining()) {
                    if (!Float.isFinite(values.get())) {
                        return Optional.of("tensor " + name + " has values that are not finite");
                    }
                }
            }
            return Optional.empty();
        }
    }

    private static float[] copy(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }
}
