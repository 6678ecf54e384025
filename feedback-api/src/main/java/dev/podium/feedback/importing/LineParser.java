package dev.podium.feedback.importing;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.Message;
import dev.podium.contracts.imported.ConversationTree;
import dev.podium.feedback.ranking.Rankings;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.task.Tasks;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Finds the tasks in one line. What is wrong is a {@link Refusal} that the report shows with the line's number. */
final class LineParser {
    private static final String GROUP = "group";
    private static final Set<String> ROLES = Set.of("system", "user", "assistant");
    private static final Set<String> PODIUM_FIELDS =
            Set.of("prompt", "outputs", "ranking", "labeler", "priority", GROUP);

    private LineParser() {}

    static List<ImportedTask> parse(ImportFormat format, JsonNode line) {
        if (!line.isObject()) {
            throw Refusal.unprocessable("invalid_line", "the line is no JSON object");
        }
        return switch (format) {
            case AUTO -> parse(ImportFormat.of(line), line);
            case PODIUM -> List.of(podium(line));
            case TRL -> List.of(trl(line));
            case HH -> List.of(hh(line));
            case OASST -> oasst(line);
        };
    }

    /**
     * {@code {"prompt": text or messages, "outputs": [texts], "ranking"?: [[positions from 0]], "labeler"?: name,
     * "priority"?: -1000 to 1000}}
     */
    private static ImportedTask podium(JsonNode line) {
        line.fieldNames().forEachRemaining(field -> {
            if (!PODIUM_FIELDS.contains(field)) {
                throw Refusal.unprocessable("unknown_field", "there is no field '" + field + "' in a podium line");
            }
        });
        List<String> outputs = new ArrayList<>();
        for (JsonNode output : array(line, "outputs")) {
            outputs.add(text(output.isObject() ? output.path("text") : output, "outputs"));
        }
        List<List<Integer>> ranking = new ArrayList<>();
        Set<Integer> placed = new HashSet<>();
        for (JsonNode group : line.hasNonNull("ranking") ? array(line, "ranking") : List.<JsonNode>of()) {
            List<Integer> positions = new ArrayList<>();
            for (JsonNode position : group.isArray() ? group : List.of(group)) {
                if (!position.isInt() || position.asInt() < 0 || position.asInt() >= outputs.size()) {
                    throw Refusal.unprocessable(
                            "invalid_ranking", "ranking holds positions in outputs, from 0 to " + (outputs.size() - 1));
                }
                if (!placed.add(position.asInt())) {
                    throw Refusal.unprocessable(
                            "invalid_ranking", "ranking holds position " + position.asInt() + " twice");
                }
                positions.add(position.asInt());
            }
            ranking.add(positions);
        }
        String labeler = line.hasNonNull("labeler") ? text(line.path("labeler"), "labeler") : Rankings.IMPORTED;
        return new ImportedTask(
                messages(line.path("prompt"), "prompt"), outputs, ranking, labeler, priority(line), group(line));
    }

    private static int priority(JsonNode line) {
        JsonNode priority = line.path("priority");
        if (priority.isMissingNode() || priority.isNull()) {
            return 0;
        }
        if (!priority.isInt() || Math.abs((long) priority.asInt()) > Tasks.MAX_PRIORITY) {
            throw Refusal.unprocessable(
                    "invalid_priority",
                    "priority is a whole number from -" + Tasks.MAX_PRIORITY + " to " + Tasks.MAX_PRIORITY);
        }
        return priority.asInt();
    }

    /** TRL's preference format, standard or conversational, with the prompt given or implied. */
    private static ImportedTask trl(JsonNode line) {
        JsonNode chosen = line.path("chosen");
        JsonNode rejected = line.path("rejected");
        if (line.has("prompt")) {
            return pair(
                    messages(line.path("prompt"), "prompt"),
                    completion(chosen, "chosen"),
                    completion(rejected, "rejected"),
                    group(line));
        }
        if (!chosen.isArray() || !rejected.isArray()) {
            throw Refusal.unprocessable("no_prompt", "a line without a prompt needs chosen and rejected as messages");
        }
        List<Message> a = messages(chosen, "chosen");
        List<Message> b = messages(rejected, "rejected");
        int common = 0;
        while (common < a.size() && common < b.size() && a.get(common).equals(b.get(common))) {
            common++;
        }
        if (common == 0 || a.size() != common + 1 || b.size() != common + 1) {
            throw Refusal.unprocessable(
                    "no_common_prompt", "chosen and rejected must share all messages but the last one");
        }
        return pair(a.subList(0, common), a.get(common).content(), b.get(common).content(), group(line));
    }

    /** Anthropic's dialogues: {@code \n\nHuman: ... \n\nAssistant: ...}. */
    private static ImportedTask hh(JsonNode line) {
        List<Message> a = dialogue(text(line.path("chosen"), "chosen"), "chosen");
        List<Message> b = dialogue(text(line.path("rejected"), "rejected"), "rejected");
        int last = a.size() - 1;
        if (a.size() != b.size() || !a.subList(0, last).equals(b.subList(0, last))) {
            throw Refusal.unprocessable("no_common_prompt", "chosen and rejected must differ in the last turn alone");
        }
        return pair(a.subList(0, last), a.get(last).content(), b.get(last).content(), group(line));
    }

    private static List<Message> dialogue(String text, String field) {
        List<Message> messages = new ArrayList<>();
        for (String turn : text.split("\n\n(?=Human:|Assistant:)")) {
            if (turn.isBlank()) {
                continue;
            }
            String stripped = turn.strip();
            boolean human = stripped.startsWith("Human:");
            if (!human && !stripped.startsWith("Assistant:")) {
                throw Refusal.unprocessable("invalid_dialogue", field + " does not begin with Human:");
            }
            String content = stripped.substring(stripped.indexOf(':') + 1).strip();
            messages.add(human ? Message.user(content) : Message.assistant(content));
        }
        if (messages.size() < 2 || !messages.getLast().role().equals("assistant")) {
            throw Refusal.unprocessable("invalid_dialogue", field + " does not end with an Assistant: turn");
        }
        return messages;
    }

    private static List<ImportedTask> oasst(JsonNode line) {
        try {
            return ConversationTree.ranked(line).stream()
                    .map(found -> new ImportedTask(
                            found.conversation(),
                            found.replies(),
                            found.ranking(),
                            Rankings.IMPORTED,
                            found.language()))
                    .toList();
        } catch (ConversationTree.InvalidTreeException e) {
            throw Refusal.unprocessable(e.code(), String.valueOf(e.getMessage()));
        }
    }

    private static ImportedTask pair(List<Message> prompt, String chosen, String rejected, Optional<String> group) {
        return new ImportedTask(
                prompt, List.of(chosen, rejected), List.of(List.of(0), List.of(1)), Rankings.IMPORTED, group);
    }

    private static Optional<String> group(JsonNode line) {
        return name(line, GROUP);
    }

    private static Optional<String> name(JsonNode node, String field) {
        return node.hasNonNull(field)
                ? Optional.of(text(node.path(field), field).strip()).filter(name -> !name.isEmpty())
                : Optional.empty();
    }

    private static String completion(JsonNode node, String field) {
        if (!node.isArray()) {
            return text(node, field);
        }
        List<Message> messages = messages(node, field);
        if (messages.size() != 1 || !messages.getFirst().role().equals("assistant")) {
            throw Refusal.unprocessable("invalid_completion", field + " must be one message of the assistant");
        }
        return messages.getFirst().content();
    }

    private static List<Message> messages(JsonNode node, String field) {
        if (node.isTextual()) {
            return List.of(Message.user(text(node, field)));
        }
        if (!node.isArray() || node.isEmpty()) {
            throw Refusal.unprocessable("invalid_messages", field + " must be a text or a list of messages");
        }
        List<Message> messages = new ArrayList<>();
        for (JsonNode message : node) {
            String role = message.path("role").asText("");
            if (!ROLES.contains(role)) {
                throw Refusal.unprocessable(
                        "invalid_role",
                        field + " has a message of role '" + role + "'; known are system, user, assistant");
            }
            messages.add(new Message(role, text(message.path("content"), field)));
        }
        return messages;
    }

    private static JsonNode array(JsonNode line, String field) {
        JsonNode node = line.path(field);
        if (!node.isArray()) {
            throw Refusal.unprocessable("missing_field", field + " must be a list");
        }
        return node;
    }

    private static String text(JsonNode node, String field) {
        if (!node.isTextual()) {
            throw Refusal.unprocessable("missing_field", field + " must be a text");
        }
        return node.textValue();
    }
}
