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
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * An adapter in PEFT's form on disk, and the check that every server (vLLM, llama.cpp, PEFT, ours) can load it: bias none,
 * no DoRA, no patterns, no modules_to_save, r in {8, 16, 32, 64}, float32 or bfloat16, all values finite.
 *
 * <p>A reward ensemble has more members beside the first, which is the adapter that servers see: {@code
 * adapter_model.N.safetensors} and {@code score.N.safetensors} for N from 1, and {@value #ENSEMBLE}.
 */
public final class AdapterFolder {
    public static final String CONFIG = "adapter_config.json";
    public static final String WEIGHTS = "adapter_model.safetensors";

    /** Weights of the scalar head; reward adapters only. */
    public static final String SCORE = "score.safetensors";

    /** Gain and bias of each member of a reward ensemble. */
    public static final String ENSEMBLE = "ensemble.json";

    private static final int MAX_CONFIG_BYTES = 64 * 1024;
    private static final Set<Integer> RANKS = Set.of(8, 16, 32, 64);
    private static final String SCORE_TENSOR = "base_model.model.score.weight";
    private static final Pattern LORA_TENSOR = Pattern.compile(
            "base_model\\.model\\.model\\.layers\\.(\\d{1,4})\\.((?:self_attn|mlp)\\.([a-z]+_proj))\\.lora_([AB])\\.weight");

    private AdapterFolder() {}

    /**
     * The files that an adapter of a kind consists of; nothing else may be in its folder (no pickle, no code).
     *
     * @param members of a reward ensemble, 1 for a model alone
     */
    public static Set<String> files(AdapterManifest.Kind kind, int members) {
        Set<String> files = new TreeSet<>(Set.of(CONFIG, WEIGHTS));
        if (kind == AdapterManifest.Kind.REWARD) {
            files.add(SCORE);
            for (int member = 1; member < members; member++) {
                files.addAll(List.of(member(WEIGHTS, member), member(SCORE, member), ENSEMBLE));
            }
        }
        return files;
    }

    /** Name of the file of one member of an ensemble; the first has the plain name. */
    public static String member(String name, int member) {
        return member == 0 ? name : name.replace(".safetensors", "." + member + ".safetensors");
    }

    /** Refuses any list of names but exactly the files of the kind; for a whole model see {@link ModelFolder}. */
    public static void checkNames(List<String> names, AdapterManifest.Kind kind) throws ArtifactException {
        if (kind == AdapterManifest.Kind.MODEL) {
            ModelFolder.checkNames(names);
            return;
        }
        Set<String> expected = files(kind, members(names, kind));
        for (String name : names) {
            if (!expected.contains(name)) {
                throw new ArtifactException(name + " may not be part of an adapter; allowed are " + expected);
            }
        }
        if (names.size() != expected.size() || !new HashSet<>(names).equals(expected)) {
            throw new ArtifactException("an adapter consists of " + expected + ", this one of " + new TreeSet<>(names));
        }
    }

    private static int members(List<String> names, AdapterManifest.Kind kind) {
        if (kind != AdapterManifest.Kind.REWARD) {
            return 1;
        }
        int members = 1;
        while (members < RoundConfig.Reward.MAX_MEMBERS && names.contains(member(WEIGHTS, members))) {
            members++;
        }
        return members;
    }

    /**
     * Checks a folder.
     *
     * @param baseModel name that the configuration must carry
     * @param lora shape that configuration and weights must have; empty for a whole model
     */
    public static void check(Path folder, AdapterManifest.Kind kind, String baseModel, Optional<RoundConfig.Lora> lora)
            throws ArtifactException, IOException {
        check(folder, kind, baseModel, lora, Optional.empty());
    }

    /**
     * The same against the base model itself.
     *
     * @param base whose layers and widths the tensors must have; empty: equal shapes in all layers are enough
     */
    public static void check(
            Path folder,
            AdapterManifest.Kind kind,
            String baseModel,
            Optional<RoundConfig.Lora> lora,
            Optional<BaseShape> base)
            throws ArtifactException, IOException {
        checkNames(names(folder), kind);
        if (kind == AdapterManifest.Kind.MODEL) {
            ModelFolder.check(folder);
            return;
        }
        check(
                folder,
                kind,
                baseModel,
                lora.orElseThrow(() -> new ArtifactException("the manifest of an adapter must tell its shape (lora)")),
                base);
    }

    private static void check(
            Path folder, AdapterManifest.Kind kind, String baseModel, RoundConfig.Lora lora, Optional<BaseShape> base)
            throws ArtifactException, IOException {
        List<String> names = names(folder);
        checkConfig(folder.resolve(CONFIG), kind, baseModel, lora);
        int members = members(names, kind);
        for (int member = 0; member < members; member++) {
            Path file = folder.resolve(member(WEIGHTS, member));
            SafetensorsHeader weights = SafetensorsHeader.read(file);
            checkTensors(weights, lora, base);
            weights.requireFinite(file);
            if (kind == AdapterManifest.Kind.REWARD) {
                checkScore(folder.resolve(member(SCORE, member)));
            }
        }
        if (members > 1) {
            checkEnsemble(folder.resolve(ENSEMBLE), members);
        }
    }

    /** Names of the files in a folder, sorted. */
    public static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static void checkScore(Path file) throws ArtifactException, IOException {
        SafetensorsHeader score = SafetensorsHeader.read(file);
        SafetensorsHeader.Tensor head = score.tensors().get(SCORE_TENSOR);
        if (head == null
                || score.tensors().size() != 1
                || head.shape().size() != 2
                || head.shape().getFirst() != 1) {
            throw new ArtifactException(
                    file.getFileName() + " must hold " + SCORE_TENSOR + " of shape [1, hidden] alone");
        }
        score.requireFinite(file);
    }

    private static void checkEnsemble(Path file, int members) throws ArtifactException, IOException {
        JsonNode all = json(file).path("members");
        boolean sound = all.size() == members;
        for (JsonNode member : all) {
            sound &= Double.isFinite(member.path("gain").asDouble(Double.NaN))
                    && Double.isFinite(member.path("bias").asDouble(Double.NaN));
        }
        if (!sound) {
            throw new ArtifactException(ENSEMBLE + " must hold gain and bias of " + members + " members");
        }
    }

    private static JsonNode json(Path file) throws ArtifactException, IOException {
        String name = file.getFileName().toString();
        if (Files.size(file) > MAX_CONFIG_BYTES) {
            throw new ArtifactException(name + " has more than " + MAX_CONFIG_BYTES + " bytes");
        }
        try {
            return EventJson.tree(Files.readAllBytes(file));
        } catch (InvalidEventException e) {
            throw new ArtifactException(name + " is " + e.getMessage());
        }
    }

    private static void checkConfig(Path file, AdapterManifest.Kind kind, String baseModel, RoundConfig.Lora lora)
            throws ArtifactException, IOException {
        JsonNode config = json(file);
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
    private static void checkTensors(SafetensorsHeader weights, RoundConfig.Lora lora, Optional<BaseShape> base)
            throws ArtifactException {
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
            if (base.isPresent()) {
                String target = name.group(3);
                long expected = down ? base.get().in(target) : base.get().out(target);
                long width = tensor.shape().get(down ? 1 : 0);
                if (width != expected) {
                    throw new ArtifactException("tensor " + tensor.name() + " has shape " + tensor.shape() + ", the "
                            + (down ? "input" : "output") + " of the base model's " + target + " is " + expected);
                }
            }
            layers.add(Integer.parseInt(name.group(1)));
            count++;
        }
        if (base.isPresent() && layers.size() != base.get().layers()) {
            throw new ArtifactException(WEIGHTS + " is of " + layers.size() + " layers, the base model has "
                    + base.get().layers());
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
