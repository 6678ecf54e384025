package dev.podium.contracts.imported;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A tree of messages as OpenAssistant publishes them, one line of JSON each: every prompter's message with two or more
 * ranked replies is a task, the conversation above it the context.
 */
public final class ConversationTree {
    private static final int MAX_DEPTH = 200;

    private ConversationTree() {}

    /**
     * Replies to one conversation.
     *
     * @param ranking tie groups of positions in {@code replies}, best first
     * @param language of the message that is replied to, where it is given
     */
    public record Ranked(
            List<Message> conversation, List<String> replies, List<List<Integer>> ranking, Optional<String> language) {
        public Ranked {
            conversation = List.copyOf(conversation);
            replies = List.copyOf(replies);
            ranking = ranking.stream().map(List::copyOf).toList();
        }
    }

    /** What is wrong with a tree, with a stable code. */
    public static final class InvalidTreeException extends Exception {
        private static final long serialVersionUID = 1L;

        private final String code;

        InvalidTreeException(String code, String message) {
            super(message);
            this.code = code;
        }

        public String code() {
            return code;
        }
    }

    /** All ranked replies in a line: of the tree itself, or of the message in its field {@code prompt}. */
    public static List<Ranked> ranked(JsonNode line) throws InvalidTreeException {
        List<Ranked> found = new ArrayList<>();
        walk(line.has("prompt") ? line.path("prompt") : line, List.of(), found, 0);
        return found;
    }

    private static void walk(JsonNode node, List<Message> above, List<Ranked> found, int depth)
            throws InvalidTreeException {
        if (depth > MAX_DEPTH) {
            throw new InvalidTreeException("too_deep", "the tree is deeper than " + MAX_DEPTH + " messages");
        }
        boolean prompter = node.path("role").asText().equals("prompter");
        List<Message> conversation = new ArrayList<>(above);
        String text = text(node);
        conversation.add(prompter ? Message.user(text) : Message.assistant(text));
        if (prompter) {
            addRanked(node, conversation, found);
        }
        for (JsonNode reply : node.path("replies")) {
            walk(reply, conversation, found, depth + 1);
        }
    }

    private static void addRanked(JsonNode message, List<Message> conversation, List<Ranked> found)
            throws InvalidTreeException {
        Map<Integer, List<Integer>> byRank = new TreeMap<>();
        List<String> texts = new ArrayList<>();
        for (JsonNode reply : message.path("replies")) {
            if (reply.path("rank").isInt() && reply.path("role").asText().equals("assistant")) {
                byRank.computeIfAbsent(reply.path("rank").asInt(), rank -> new ArrayList<>())
                        .add(texts.size());
                texts.add(text(reply));
            }
        }
        if (texts.size() >= 2) {
            Optional<String> language =
                    Optional.of(message.path("lang").asText("").strip()).filter(name -> !name.isEmpty());
            found.add(new Ranked(conversation, texts, List.copyOf(byRank.values()), language));
        }
    }

    private static String text(JsonNode node) throws InvalidTreeException {
        JsonNode text = node.path("text");
        if (!text.isTextual()) {
            throw new InvalidTreeException("missing_field", "text must be a text");
        }
        return text.textValue();
    }
}
