package dev.podium.contracts.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * An adapter in PEFT's form on disk, and the check that every server (vLLM, llama.cpp, PEFT, ours) can load it: bias none,
 * no DoRA, no patterns, no modules_to_save, r in {8, 16, 32, 64}, float32 or bfloat16, all values finite.
 */
public final class AdapterFolder {
    public static final String CONFIG = "adapter_config.json";
    public static final String WEIGHTS = "adapter_model.safetensors";

    /** Weights of the scalar head; reward adapters only. */
    public static final String SCORE = "score.safetensors";

    private static final int MAX_CONFIG_BYTES = 64 * 1024;
    private static final Set<Integer> RANKS = Set.of(8, 16, 32, 64);
    private static final String SCORE_TENSOR = "base_model.model.score.weight";
    private static final Pattern LORA_TENSOR = Pattern.compile(
            "base_model\\.model\\.model\\.layers\\.(\\d{1,4})\\.((?:self_attn|mlp)\\.([a-z]+_proj))\\.lora_([AB])\\.weight");

    private AdapterFolder() {}

    /** The files that an adapter of a kind consists of; nothing else may be in its folder (no pickle, no code). */
    public static Set<String> files(AdapterManifest.Kind kind) {
        return switch (kind) {
            case POLICY -> Set.of(CONFIG, WEIGHTS);
            case REWARD -> Set.of(CONFIG, WEIGHTS, SCORE);
        };
    }

    /** Refuses any list of names but exactly the files of the kind. */
    public static void checkNames(List<String> names, AdapterManifest.Kind kind) throws ArtifactException {
        Set<String> allowed = files(kind);
        for (String name : names) {
            if (!allowed.contains(name)) {
                throw new ArtifactException(
                        name + " may not be part of an adapter; allowed are " + new TreeSet<>(allowed));
            }
        }
        if (names.size() != allowed.size() || !new HashSet<>(names).equals(allowed)) {
            throw new ArtifactException(
                    "an adapter consists of " + new TreeSet<>(allowed) + ", this one of " + new TreeSet<>(names));
        }
    }

    /**
     * Checks a folder.
     *
     * @param baseModel name that the configuration must carry
     * @param lora shape that configuration and weights must have
     */
    public static void check(Path folder, AdapterManifest.Kind kind, String baseModel, RoundConfig.Lora lora)
            throws ArtifactException, IOException {
        try (Stream<Path> files = Files.list(folder)) {
            checkNames(files.map(file -> file.getFileName().toString()).toList(), kind);
        }
        checkConfig(folder.resolve(CONFIG), kind, baseModel, lora);
        SafetensorsHeader weights = SafetensorsHeader.read(folder.resolve(WEIGHTS));
        checkTensors(weights, lora);
        weights.requireFinite(folder.resolve(WEIGHTS));
        if (kind == AdapterManifest.Kind.REWARD) {
            SafetensorsHeader score = SafetensorsHeader.read(folder.resolve(SCORE));
            SafetensorsHeader.Tensor head = score.tensors().get(SCORE_TENSOR);
            if (head == null
                    || score.tensors().size() != 1
                    || head.shape().size() != 2
                    || head.shape().getFirst() != 1) {
                throw new ArtifactException(SCORE + " must hold " + SCORE_TENSOR + " of shape [1, hidden] alone");
            }
            score.requireFinite(folder.resolve(SCORE));
        }
    }

    private static void checkConfig(Path file, AdapterManifest.Kind kind, String baseModel, RoundConfig.Lora lora)
            throws ArtifactException, IOException {
        if (Files.size(file) > MAX_CONFIG_BYTES) {
            throw new ArtifactException(CONFIG + " has more than " + MAX_CONFIG_BYTES + " bytes");
        }
        JsonNode config;
        try {
            config = EventJson.tree(Files.readAllBytes(file));
        } catch (InvalidEventException e) {
            throw new ArtifactException(CONFIG + " is " + e.getMessage());
        }
        require(config, "peft_type", "LORA");
        require(config, "bias", "none");
        require(config, "task_type", kind == AdapterManifest.Kind.POLICY ? "CAUSAL_LM" : "SEQ_CLS");
        require(config, "base_model_name_or_path", baseModel);
        for (String off : List.of("use_dora", "use_rslora", "fan_in_fan_out")) {
            if (config.path(off).asBoolean(false)) {
                throw new ArtifactException(CONFIG + " has " + off + " true, which not every server loads");
            }
        }
        for (String empty : List.of("rank_pattern", "alpha_pattern", "modules_to_save")) {
            if (!config.path(empty).isEmpty()) {
                throw new ArtifactException(
                        CONFIG + " has " + empty + " " + config.path(empty) + ", which not every server loads");
            }
        }
        int r = config.path("r").asInt(-1);
        if (!RANKS.contains(r) || r != lora.r()) {
            throw new ArtifactException(CONFIG + " has r " + config.path("r") + ", the manifest " + lora.r()
                    + "; servers load " + new TreeSet<>(RANKS));
        }
        if (config.path("lora_alpha").asDouble(Double.NaN) != lora.alpha()) {
            throw new ArtifactException(
                    CONFIG + " has lora_alpha " + config.path("lora_alpha") + ", the manifest " + lora.alpha());
        }
        Set<String> targets = new TreeSet<>();
        config.path("target_modules").forEach(target -> targets.add(target.asText()));
        if (!targets.equals(lora.targets())) {
            throw new ArtifactException(
                    CONFIG + " has target_modules " + targets + ", the manifest " + new TreeSet<>(lora.targets()));
        }
    }

    private static void require(JsonNode config, String field, String value) throws ArtifactException {
        if (!config.path(field).asText("").equals(value)) {
            throw new ArtifactException(CONFIG + " has " + field + " " + config.path(field) + ", expected " + value);
        }
    }

    /** Each target of each layer has A [r, in] and B [out, r], of equal shape in all layers. */
    private static void checkTensors(SafetensorsHeader weights, RoundConfig.Lora lora) throws ArtifactException {
        Map<String, List<Long>> shapes = new HashMap<>();
        Set<Integer> layers = new TreeSet<>();
        int count = 0;
        for (SafetensorsHeader.Tensor tensor : weights.tensors().values()) {
            Matcher name = LORA_TENSOR.matcher(tensor.name());
            if (!name.matches() || !lora.targets().contains(name.group(3))) {
                throw new ArtifactException("tensor " + tensor.name() + " belongs to no target of the adapter");
            }
            boolean down = name.group(4).equals("A");
            if (tensor.shape().size() != 2 || tensor.shape().get(down ? 0 : 1) != lora.r()) {
                throw new ArtifactException("tensor " + tensor.name() + " has shape " + tensor.shape()
                        + ", which is not of rank " + lora.r());
            }
            List<Long> first = shapes.putIfAbsent(name.group(2) + name.group(4), tensor.shape());
            if (first != null && !first.equals(tensor.shape())) {
                throw new ArtifactException("tensor " + tensor.name() + " has shape " + tensor.shape()
                        + ", in another layer it is " + first);
            }
            layers.add(Integer.parseInt(name.group(1)));
            count++;
        }
        List<Integer> expected = new ArrayList<>();
        for (int layer = 0; layer < layers.size(); layer++) {
            expected.add(layer);
        }
        if (layers.isEmpty()
                || !List.copyOf(layers).equals(expected)
                || count != 2 * layers.size() * lora.targets().size()) {
            throw new ArtifactException(WEIGHTS + " has " + count + " tensors in layers " + layers
                    + ", expected A and B" + " of " + lora.targets().size() + " targets in every layer from 0");
        }
    }
}
