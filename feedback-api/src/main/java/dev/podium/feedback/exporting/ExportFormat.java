package dev.podium.feedback.exporting;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectReader;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.feedback.exporting.Rows.Turn;
import dev.podium.feedback.rest.Refusal;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a file holds: which rows a preference set becomes. */
enum ExportFormat {
    /** TRL's preference format with plain texts; for prompts of one message. */
    TRL(Rows.TextPair.class, true) {
        @Override
        void rows(String body, ListOrder order, Sink sink) throws IOException {
            Set set = set(body);
            for (PreferenceSet.Pair pair : set.whole().pairs()) {
                sink.write(new Rows.TextPair(
                        set.text(),
                        set.output(pair.chosen()),
                        set.output(pair.rejected()),
                        pair.weight(),
                        pair.margin(),
                        set.id()));
            }
        }
    },
    /** TRL's preference format with messages. */
    TRL_CONVERSATIONAL(Rows.ChatPair.class, false) {
        @Override
        void rows(String body, ListOrder order, Sink sink) throws IOException {
            Set set = set(body);
            for (PreferenceSet.Pair pair : set.whole().pairs()) {
                sink.write(new Rows.ChatPair(
                        set.turns(),
                        set.answer(pair.chosen()),
                        set.answer(pair.rejected()),
                        pair.weight(),
                        pair.margin(),
                        set.id()));
            }
        }
    },
    /** TRL's unpaired format with plain texts; for prompts of one message. */
    KTO(Rows.TextLabel.class, true) {
        @Override
        void rows(String body, ListOrder order, Sink sink) throws IOException {
            Set set = set(body);
            for (Map.Entry<String, Boolean> label : set.labels().entrySet()) {
                sink.write(new Rows.TextLabel(set.text(), set.output(label.getKey()), label.getValue(), set.id()));
            }
        }
    },
    /** TRL's unpaired format with messages. */
    KTO_CONVERSATIONAL(Rows.ChatLabel.class, false) {
        @Override
        void rows(String body, ListOrder order, Sink sink) throws IOException {
            Set set = set(body);
            for (Map.Entry<String, Boolean> label : set.labels().entrySet()) {
                sink.write(new Rows.ChatLabel(set.turns(), set.answer(label.getKey()), label.getValue(), set.id()));
            }
        }
    },
    /** A row per task, with the place of each output. */
    LISTWISE(Rows.Listwise.class, false) {
        @Override
        void rows(String body, ListOrder order, Sink sink) throws IOException {
            Set set = set(body);
            List<Output> outputs = set.whole().outputs();
            sink.write(new Rows.Listwise(
                    set.turns(),
                    outputs.stream().map(Output::text).toList(),
                    order.ranks(set.whole()),
                    outputs.stream()
                            .map(output -> set.whole().unacceptable().getOrDefault(output.id(), 0))
                            .toList(),
                    set.whole().cycle(),
                    set.id()));
        }
    },
    /** What the votes leave open, apart from the pairs. */
    TIES(Rows.TiedPair.class, false) {
        @Override
        void rows(String body, ListOrder order, Sink sink) throws IOException {
            Set set = set(body);
            for (PreferenceSet.Tie tie : set.whole().ties()) {
                sink.write(new Rows.TiedPair(
                        set.turns(),
                        set.output(tie.first()),
                        set.output(tie.second()),
                        tie.votesFirst(),
                        tie.votesSecond(),
                        set.id()));
            }
        }
    },
    /** The sets themselves. */
    PREFERENCES(Rows.Raw.class, false) {
        @Override
        void rows(String body, ListOrder order, Sink sink) throws IOException {
            sink.write(new Rows.Raw(body));
        }
    };

    private static final ObjectReader SETS = EventJson.mapper().readerFor(PreferenceSet.class);

    private final Class<?> row;
    private final boolean plain;

    ExportFormat(Class<?> row, boolean plain) {
        this.row = row;
        this.plain = plain;
    }

    /**
     * Writes the rows of a set.
     *
     * @param order of lists; the other formats have none
     */
    abstract void rows(String body, ListOrder order, Sink sink) throws IOException;

    Class<?> row() {
        return row;
    }

    /** Whether a prompt must be one text: a column cannot be a text here and a list there. */
    boolean isPlain() {
        return plain;
    }

    /** The same with messages. */
    ExportFormat conversational() {
        return switch (this) {
            case TRL -> TRL_CONVERSATIONAL;
            case KTO -> KTO_CONVERSATIONAL;
            default -> this;
        };
    }

    /** Sets without a decided pair have ties all the same. */
    boolean wantsUndecided() {
        return this == TIES || this == LISTWISE;
    }

    String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static ExportFormat of(String word) {
        for (ExportFormat format : values()) {
            if (format.word().equals(word)) {
                return format;
            }
        }
        throw new Refusal(
                400,
                "unknown_format",
                "format must be one of auto, "
                        + Stream.of(values()).map(ExportFormat::word).collect(Collectors.joining(", ")) + ".");
    }

    private static Set set(String body) {
        try {
            return new Set(SETS.readValue(body));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a stored preference set cannot be read", e);
        }
    }

    /** A set with its outputs by id. */
    private record Set(PreferenceSet whole, Map<String, String> texts) {
        Set(PreferenceSet whole) {
            this(whole, whole.outputs().stream().collect(Collectors.toMap(Output::id, Output::text)));
        }

        String id() {
            return whole.taskId();
        }

        String text() {
            return whole.prompt().getFirst().content();
        }

        String output(String id) {
            String text = texts.get(id);
            if (text == null) {
                throw new IllegalStateException("preference set " + id() + " has no output " + id);
            }
            return text;
        }

        List<Turn> turns() {
            return whole.prompt().stream()
                    .map(message -> new Turn(message.role(), message.content()))
                    .toList();
        }

        List<Turn> answer(String id) {
            return List.of(new Turn("assistant", output(id)));
        }

        /**
         * Good is what wins each of its decided pairs, bad what loses each, or what somebody marked unacceptable; what
         * does both is neither, and left out.
         */
        Map<String, Boolean> labels() {
            Map<String, Integer> balance = new HashMap<>();
            Map<String, Integer> met = new HashMap<>();
            for (PreferenceSet.Pair pair : whole.pairs()) {
                balance.merge(pair.chosen(), 1, Integer::sum);
                balance.merge(pair.rejected(), -1, Integer::sum);
                met.merge(pair.chosen(), 1, Integer::sum);
                met.merge(pair.rejected(), 1, Integer::sum);
            }
            Map<String, Boolean> labels = new java.util.LinkedHashMap<>();
            for (Output output : whole.outputs()) {
                int won = balance.getOrDefault(output.id(), 0);
                int all = met.getOrDefault(output.id(), 0);
                if (whole.unacceptable().getOrDefault(output.id(), 0) > 0 || (all > 0 && won == -all)) {
                    labels.put(output.id(), false);
                } else if (all > 0 && won == all) {
                    labels.put(output.id(), true);
                }
            }
            return labels;
        }
    }
}
