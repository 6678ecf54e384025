package dev.podium.feedback.round;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.RoundCommand.SftRecord;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What an operator sends to start a round. */
public record NewRound(
        @Nullable RoundKind kind,
        @Nullable JsonNode config,
        @Nullable String baseModel,
        @Nullable String initialAdapter,
        @Nullable String rewardAdapter,
        @Nullable List<JsonNode> prompts,
        @Nullable List<JsonNode> records) {
    private static final Set<String> ROLES = Set.of("system", "user", "assistant");

    /** Refuses a configuration that a round of the kind could not be started with. */
    public static void requireConfig(RoundKind kind, @Nullable JsonNode config) {
        RoundConfig effective = new NewRound(kind, config, null, null, null, null, null).effectiveConfig(kind);
        if (effective.kind() != kind) {
            throw Refusal.unprocessable("invalid_config", "config is of another kind than the round.");
        }
    }

    /** The kind's defaults with what the operator set on top; unknown fields are refused. */
    RoundConfig effectiveConfig(RoundKind of) {
        ObjectNode merged = (ObjectNode) EventJson.mapper().valueToTree(RoundConfig.defaults(of));
        merged.put("kind", of.name());
        if (config != null && !config.isNull()) {
            if (!config.isObject()) {
                throw Refusal.unprocessable("invalid_config", "config must be a JSON object.");
            }
            if (!config.path("kind").asText(of.name()).equals(of.name())) {
                throw Refusal.unprocessable("invalid_config", "config is of another kind than the round.");
            }
            ObjectNode all = merged.deepCopy();
            merge(merged, (ObjectNode) config, "config", all);
            if (config.has("advantage") && !config.has("samplesPerPrompt")) {
                // Its default depends on the advantage.
                merged.remove("samplesPerPrompt");
            }
            if (config.path("method").asText().equals("full")
                    && !config.path("training").has("learningRate")) {
                // What suits an adapter ruins a model.
                ((ObjectNode) merged.path("training")).put("learningRate", RoundConfig.Sft.FULL_LEARNING_RATE);
            }
        }
        try {
            return Bodies.parse(merged.toString().getBytes(StandardCharsets.UTF_8), RoundConfig.class);
        } catch (Refusal e) {
            throw Refusal.unprocessable("invalid_config", String.valueOf(e.getMessage()));
        }
    }

    private static void merge(ObjectNode into, ObjectNode from, String path, ObjectNode all) {
        from.properties().forEach(entry -> {
            JsonNode there = into.get(entry.getKey());
            if (there == null) {
                List<String> known = new ArrayList<>();
                into.fieldNames().forEachRemaining(known::add);
                throw Refusal.unprocessable(
                        "invalid_config",
                        "There is no " + path + "." + entry.getKey() + "; "
                                + NearestName.of(entry.getKey(), NearestName.paths("config", all))
                                        .map(name -> "did you mean " + name + "?")
                                        .orElse("known are " + known + "."));
            }
            if (there instanceof ObjectNode inner) {
                if (!(entry.getValue() instanceof ObjectNode outer)) {
                    throw Refusal.unprocessable(
                            "invalid_config",
                            path + "." + entry.getKey() + " must be a JSON object; leave it out for the defaults.");
                }
                merge(inner, outer, path + "." + entry.getKey(), all);
            } else {
                into.set(entry.getKey(), entry.getValue());
            }
        });
    }

    /** Prompts as messages; a text is one message of the user. */
    List<List<Message>> messages() {
        List<List<Message>> all = new ArrayList<>();
        for (JsonNode prompt : prompts == null ? List.<JsonNode>of() : prompts) {
            all.add(messages(prompt));
        }
        return all;
    }

    private static List<Message> messages(JsonNode node) {
        if (node.isTextual() && !node.textValue().isBlank()) {
            return List.of(Message.user(node.textValue()));
        }
        if (!node.isArray() || node.isEmpty()) {
            throw Refusal.unprocessable("invalid_prompt", "A prompt is a text or a list of {role, content}.");
        }
        List<Message> messages = new ArrayList<>();
        for (JsonNode message : node) {
            if (!ROLES.contains(message.path("role").asText())
                    || !message.path("content").isTextual()) {
                throw Refusal.unprocessable(
                        "invalid_prompt", "A message has a role (system, user or assistant) and a content.");
            }
            messages.add(new Message(
                    message.path("role").asText(), message.path("content").asText()));
        }
        return messages;
    }

    /**
     * SFT records: {@code {"input","output"}}, {@code {"instruction","input","output"}}, {@code {"prompt","completion"}}
     * or {@code {"messages"}}, whose last message is the assistant's.
     */
    List<SftRecord> sftRecords() {
        List<SftRecord> all = new ArrayList<>();
        for (JsonNode node : records == null ? List.<JsonNode>of() : records) {
            all.add(record(node));
        }
        return all;
    }

    private static SftRecord record(JsonNode node) {
        if (node.has("messages")) {
            List<Message> messages = messages(node.path("messages"));
            Message last = messages.getLast();
            if (!last.role().equals("assistant") || messages.size() < 2) {
                throw Refusal.unprocessable(
                        "invalid_record",
                        "The last of a record's messages is the assistant's, after at least one other.");
            }
            return checked(messages.subList(0, messages.size() - 1), last.content());
        }
        if (node.has("prompt")) {
            JsonNode completion = node.path("completion");
            String text =
                    completion.isArray() ? completion.path(0).path("content").asText("") : completion.asText("");
            return checked(messages(node.path("prompt")), text);
        }
        String instruction = node.path("instruction").asText("").strip();
        String input = node.path("input").asText("").strip();
        String prompt = instruction.isEmpty() ? input : input.isEmpty() ? instruction : instruction + "\n\n" + input;
        if (prompt.isEmpty()) {
            throw Refusal.unprocessable(
                    "invalid_record", "A record needs input or instruction (or prompt): " + Map.of("record", node));
        }
        return checked(List.of(Message.user(prompt)), node.path("output").asText(""));
    }

    private static SftRecord checked(List<Message> prompt, String completion) {
        if (completion.isBlank()) {
            throw Refusal.unprocessable("invalid_record", "A record needs a text to imitate: output or completion.");
        }
        return new SftRecord(prompt, completion);
    }
}
