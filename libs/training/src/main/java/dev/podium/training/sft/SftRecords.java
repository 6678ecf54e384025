package dev.podium.training.sft;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundCommand.SftRecord;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.data.Split;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The records of an SFT round as rows: those given in the command, or else the best output of each decided task.
 *
 * @param info counts for the start of the round
 * @param usedTasks whose best output is a row
 */
record SftRecords(List<Sequence> train, List<Sequence> heldOut, Map<String, Double> info, Set<String> usedTasks) {

    static SftRecords of(RoundContext context, PromptTokenizer tokenizer, RoundConfig.Sft config) throws RoundFailure {
        Builder builder = new Builder(tokenizer, config.completionOnly());
        List<SftRecord> given = context.command().records();
        for (SftRecord record : given) {
            boolean heldOut = Split.isHeldOut(record.prompt(), config.training().heldOutShare());
            builder.add(record.prompt(), output(record.completion()), heldOut);
        }
        if (given.isEmpty()) {
            context.data().train().forEach(set -> builder.addBest(set, false));
            context.data().heldOut().forEach(set -> builder.addBest(set, true));
        }
        // A handful of records must not all be held out.
        if (builder.train.isEmpty()) {
            builder.train.addAll(builder.heldOut);
            builder.heldOut.clear();
        }
        if (builder.train.isEmpty()) {
            throw new RoundFailure(
                    "no_data",
                    "no record to train on (" + builder.tooLong + " too long, " + builder.boundaryMoved
                            + " whose first token merges with the prompt); give records, or rank tasks first");
        }
        Map<String, Double> info = new LinkedHashMap<>();
        info.put("records", (double) builder.train.size());
        info.put("heldOutRecords", (double) builder.heldOut.size());
        info.put("tooLong", (double) builder.tooLong);
        info.put("boundaryMoved", (double) builder.boundaryMoved);
        info.put("missing", (double) context.data().missing());
        return new SftRecords(
                List.copyOf(builder.train), List.copyOf(builder.heldOut), info, Set.copyOf(builder.usedTasks));
    }

    private static Output output(String text) {
        return new Output("record", text, Output.Provenance.imported(), List.of());
    }

    /** The output with most wins less losses; empty where the votes name none. */
    static Optional<Output> best(PreferenceSet set) {
        Map<String, Integer> standing = new HashMap<>();
        for (PreferenceSet.Pair pair : set.pairs()) {
            standing.merge(pair.chosen(), 1, Integer::sum);
            standing.merge(pair.rejected(), -1, Integer::sum);
        }
        return set.outputs().stream()
                .filter(output -> standing.getOrDefault(output.id(), 0) > 0)
                .filter(output -> !set.unacceptable().containsKey(output.id()))
                .max((x, y) -> Integer.compare(standing.getOrDefault(x.id(), 0), standing.getOrDefault(y.id(), 0)));
    }

    private static final class Builder {
        private final PromptTokenizer tokenizer;
        private final boolean completionOnly;
        private final List<Sequence> train = new ArrayList<>();
        private final List<Sequence> heldOut = new ArrayList<>();
        private final Set<String> usedTasks = new HashSet<>();
        private int tooLong;
        private int boundaryMoved;

        Builder(PromptTokenizer tokenizer, boolean completionOnly) {
            this.tokenizer = tokenizer;
            this.completionOnly = completionOnly;
        }

        void addBest(PreferenceSet set, boolean toHeldOut) {
            Optional<Output> best = best(set);
            if (best.isPresent() && add(set.prompt(), best.get(), toHeldOut)) {
                usedTasks.add(set.taskId());
            }
        }

        /** Whether it became a row. */
        boolean add(List<Message> messages, Output output, boolean toHeldOut) {
            String rendered = tokenizer.render(messages);
            int[] prompt = tokenizer.encode(rendered);
            switch (tokenizer.completion(rendered, prompt, output)) {
                case PromptTokenizer.Completion.TooLong t -> {
                    tooLong++;
                    return false;
                }
                case PromptTokenizer.Completion.BoundaryMoved b -> {
                    boundaryMoved++;
                    return false;
                }
                case PromptTokenizer.Completion.Tokens tokens -> {
                    (toHeldOut ? heldOut : train).add(row(prompt, tokens.ids()));
                    return true;
                }
            }
        }

        /** With loss on all tokens the "prompt" is the first token, which nothing predicts. */
        private Sequence row(int[] prompt, int[] completion) {
            if (completionOnly) {
                return new Sequence(prompt, completion);
            }
            int[] all = Arrays.copyOf(prompt, prompt.length + completion.length);
            System.arraycopy(completion, 0, all, prompt.length, completion.length);
            return new Sequence(new int[] {all[0]}, Arrays.copyOfRange(all, 1, all.length));
        }
    }
}
