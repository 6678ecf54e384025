package dev.podium.llm.nano;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Learns a byte-level BPE vocabulary (Sennrich et al., arXiv 1508.07909, over bytes as in GPT-2) and writes it as
 * {@code tokenizer.json}. For small corpora: it counts words once and merges in memory.
 */
final class BytePairTrainer {
    /** GPT-2's splitting of text into words, with their leading space. */
    private static final Pattern WORDS =
            Pattern.compile("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

    private final List<String> special;
    private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
    private final List<String> merges = new ArrayList<>();

    BytePairTrainer(List<String> special) {
        this.special = List.copyOf(special);
    }

    /** Learns from texts until the vocabulary has {@code size} entries. */
    void train(Iterable<String> texts, int size) {
        special.forEach(token -> vocabulary.put(token, vocabulary.size()));
        for (int b = 0; b < 256; b++) {
            vocabulary.put(String.valueOf(symbol(b)), vocabulary.size());
        }
        Map<String, Integer> counts = new HashMap<>();
        for (String text : texts) {
            Matcher matcher = WORDS.matcher(text);
            while (matcher.find()) {
                counts.merge(matcher.group(), 1, Integer::sum);
            }
        }
        Map<List<String>, Integer> words = new LinkedHashMap<>();
        counts.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(e -> words.put(symbols(e.getKey()), e.getValue()));
        while (vocabulary.size() < size && merge(words)) {
            // Each call adds one entry.
        }
    }

    private boolean merge(Map<List<String>, Integer> words) {
        Map<String, Integer> pairs = new HashMap<>();
        words.forEach((word, count) -> {
            for (int i = 0; i + 1 < word.size(); i++) {
                pairs.merge(word.get(i) + " " + word.get(i + 1), count, Integer::sum);
            }
        });
        var best = pairs.entrySet().stream()
                .max(Map.Entry.<String, Integer>comparingByValue().thenComparing(Map.Entry.comparingByKey()));
        if (best.isEmpty()) {
            return false;
        }
        String pair = best.get().getKey();
        String left = pair.substring(0, pair.indexOf(' '));
        String right = pair.substring(pair.indexOf(' ') + 1);
        merges.add(pair);
        vocabulary.put(left + right, vocabulary.size());
        Map<List<String>, Integer> next = new LinkedHashMap<>();
        words.forEach((word, count) -> next.merge(merged(word, left, right), count, Integer::sum));
        words.clear();
        words.putAll(next);
        return true;
    }

    private static List<String> merged(List<String> word, String left, String right) {
        List<String> result = new ArrayList<>(word.size());
        for (int i = 0; i < word.size(); i++) {
            if (i + 1 < word.size()
                    && word.get(i).equals(left)
                    && word.get(i + 1).equals(right)) {
                result.add(left + right);
                i++;
            } else {
                result.add(word.get(i));
            }
        }
        return result;
    }

    private static List<String> symbols(String word) {
        List<String> symbols = new ArrayList<>();
        for (byte b : word.getBytes(UTF_8)) {
            symbols.add(String.valueOf(symbol(b & 0xFF)));
        }
        return symbols;
    }

    /** GPT-2's printable stand-in for each byte. */
    private static char symbol(int b) {
        boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
        if (printable) {
            return (char) b;
        }
        int shift = 0;
        for (int i = 0; i < b; i++) {
            boolean other = (i >= '!' && i <= '~') || (i >= 0xA1 && i <= 0xAC) || (i >= 0xAE && i <= 0xFF);
            shift += other ? 0 : 1;
        }
        return (char) (256 + shift);
    }

    byte[] tokenizerJson() {
        ObjectMapper json = new ObjectMapper();
        ObjectNode root = json.createObjectNode();
        root.put("version", "1.0");
        root.putNull("truncation");
        root.putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (String token : special) {
            added.addObject()
                    .put("id", vocabulary.get(token))
                    .put("content", token)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
        }
        root.putNull("normalizer");
        root.putObject("pre_tokenizer")
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", true);
        root.putNull("post_processor");
        root.putObject("decoder")
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", true);
        ObjectNode model = root.putObject("model");
        model.put("type", "BPE");
        model.putNull("dropout");
        model.putNull("unk_token");
        model.putNull("continuing_subword_prefix");
        model.putNull("end_of_word_suffix");
        model.put("fuse_unk", false);
        model.put("byte_fallback", false);
        model.put("ignore_merges", false);
        ObjectNode entries = model.putObject("vocab");
        vocabulary.forEach(entries::put);
        ArrayNode pairs = model.putArray("merges");
        merges.forEach(pairs::add);
        try {
            return json.writeValueAsBytes(root);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    int id(String token) {
        Integer id = vocabulary.get(token);
        if (id == null) {
            throw new IllegalArgumentException("no token " + token);
        }
        return id;
    }
}
