package dev.podium.contracts.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A whole model in Hugging Face's form on disk, as transformers and every server load it, and the check that it is one:
 * these files and no others (no pickle, no code), weights in float32 or bfloat16, all values finite.
 */
public final class ModelFolder {
    public static final String CONFIG = "config.json";
    public static final String WEIGHTS = "model.safetensors";
    public static final String TOKENIZER = "tokenizer.json";
    public static final String TOKENIZER_CONFIG = "tokenizer_config.json";

    /** What a model consists of. */
    public static final Set<String> REQUIRED = Set.of(CONFIG, WEIGHTS, TOKENIZER, TOKENIZER_CONFIG);

    /** What some models have besides. */
    public static final Set<String> OPTIONAL =
            Set.of("chat_template.jinja", "generation_config.json", "special_tokens_map.json");

    private static final int MAX_JSON_BYTES = 64 * 1024 * 1024;
    private static final String EMBEDDING = "model.embed_tokens.weight";

    private ModelFolder() {}

    /** Refuses any list of names but the required files and some of the optional ones. */
    static void checkNames(List<String> names) throws ArtifactException {
        for (String name : names) {
            if (!REQUIRED.contains(name) && !OPTIONAL.contains(name)) {
                throw new ArtifactException(name + " may not be part of a model; allowed are " + new TreeSet<>(REQUIRED)
                        + " and " + new TreeSet<>(OPTIONAL));
            }
        }
        if (new HashSet<>(names).size() != names.size() || !names.containsAll(REQUIRED)) {
            throw new ArtifactException(
                    "a model consists of " + new TreeSet<>(REQUIRED) + ", this one of " + new TreeSet<>(names));
        }
    }

    /** Checks a folder whose names were checked. */
    static void check(Path folder) throws ArtifactException, IOException {
        for (String name : AdapterFolder.names(folder)) {
            if (name.endsWith(".json")) {
                requireObject(folder.resolve(name));
            }
        }
        Path file = folder.resolve(WEIGHTS);
        SafetensorsHeader weights = SafetensorsHeader.read(file);
        if (!weights.tensors().containsKey(EMBEDDING)) {
            throw new ArtifactException(WEIGHTS + " has no tensor " + EMBEDDING);
        }
        weights.requireFinite(file);
    }

    private static void requireObject(Path file) throws ArtifactException, IOException {
        String name = file.getFileName().toString();
        if (Files.size(file) > MAX_JSON_BYTES) {
            throw new ArtifactException(name + " has more than " + MAX_JSON_BYTES + " bytes");
        }
        try {
            JsonNode json = EventJson.tree(Files.readAllBytes(file));
            if (!json.isObject()) {
                throw new ArtifactException(name + " is no JSON object");
            }
        } catch (InvalidEventException e) {
            throw new ArtifactException(name + " is " + e.getMessage());
        }
    }
}
