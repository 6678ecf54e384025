package dev.podium.training.batch;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.chat.ChatMessage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Prompts through the chat template with the generation prompt; completions as the output's own tokens plus one end
 * token. Tokens that this model generated are used as they are; where an output's stored tokens spell another text in
 * this vocabulary (another base model generated it, or the text was changed) the text counts.
 */
public final class PromptTokenizer {
    private final BaseModelFiles base;
    private final int maxLengthTokens;

    public PromptTokenizer(BaseModelFiles base, int maxLengthTokens) {
        this.base = base;
        this.maxLengthTokens = Math.min(maxLengthTokens, base.config().maxPositions());
    }

    /** Longest prompt plus completion. */
    public int maxLengthTokens() {
        return maxLengthTokens;
    }

    /** The text that the model is to continue. */
    public String render(List<Message> prompt) {
        return base.chatTemplate()
                .render(
                        prompt.stream()
                                .map(message -> new ChatMessage(message.role(), message.content()))
                                .toList(),
                        true);
    }

    /** A prompt as the model sees it. */
    public int[] prompt(List<Message> prompt) {
        return encode(render(prompt));
    }

    /** A rendered text as tokens. */
    public int[] encode(String rendered) {
        return base.tokenizer().encode(rendered);
    }

    /** Tokens as text, without the end token. */
    public String decode(int[] tokens) {
        return base.tokenizer().decode(tokens);
    }

    /** Tokens that end a completion. */
    public int[] endIds() {
        return base.tokenizer().endIds();
    }

    /** Each set with a decided pair as tokens, each output once. */
    public TokenizedTasks tokenize(List<PreferenceSet> sets) {
        return tokenize(sets, task -> !task.pairs().isEmpty());
    }

    /**
     * Each set as tokens, each output once.
     *
     * @param usable whether there is something to learn from a task; others are counted as undecided
     */
    public TokenizedTasks tokenize(List<PreferenceSet> sets, Predicate<TaskTokens> usable) {
        List<TaskTokens> tasks = new ArrayList<>();
        int tooLong = 0;
        int boundaryMoved = 0;
        int undecided = 0;
        int encodedAnew = 0;
        for (PreferenceSet set : sets) {
            if (set.rankings().isEmpty() && set.pairs().isEmpty()) {
                undecided++;
                continue;
            }
            String rendered = render(set.prompt());
            int[] prompt = base.tokenizer().encode(rendered);
            List<int[]> completions = new ArrayList<>();
            Map<String, Integer> indexes = new HashMap<>();
            for (Output output : set.outputs()) {
                encodedAnew += output.tokenIds().isEmpty() || generated(output).isPresent() ? 0 : 1;
                switch (completion(rendered, prompt, output)) {
                    case Completion.TooLong t -> tooLong++;
                    case Completion.BoundaryMoved b -> boundaryMoved++;
                    case Completion.Tokens tokens -> {
                        indexes.put(output.id(), completions.size());
                        completions.add(tokens.ids());
                    }
                }
            }
            List<TaskTokens.Pair> pairs = pairs(set, indexes);
            List<TaskTokens.Tie> ties = ties(set, indexes);
            boolean[] compared = TaskTokens.compared(completions.size(), pairs, ties);
            int[] ranks = TaskTokens.ranks(votes(set, indexes), compared);
            TaskTokens task = new TaskTokens(
                    set.taskId(),
                    prompt,
                    completions,
                    pairs,
                    ties,
                    ranks,
                    unacceptable(set, indexes),
                    new TaskTokens.Origin(group(set), opinions(set, indexes, ranks)));
            if (completions.isEmpty() || !usable.test(task)) {
                undecided++;
            } else {
                tasks.add(task);
            }
        }
        return new TokenizedTasks(tasks, tooLong, boundaryMoved, undecided, encodedAnew);
    }

    private static List<TaskTokens.Pair> pairs(PreferenceSet set, Map<String, Integer> indexes) {
        List<TaskTokens.Pair> pairs = new ArrayList<>();
        for (PreferenceSet.Pair pair : set.pairs()) {
            Integer chosen = indexes.get(pair.chosen());
            Integer rejected = indexes.get(pair.rejected());
            if (chosen != null && rejected != null) {
                pairs.add(new TaskTokens.Pair(chosen, rejected, pair.weight(), pair.margin(), pair.probability()));
            }
        }
        return pairs;
    }

    private static List<TaskTokens.Tie> ties(PreferenceSet set, Map<String, Integer> indexes) {
        List<TaskTokens.Tie> ties = new ArrayList<>();
        for (PreferenceSet.Tie tie : set.ties()) {
            Integer first = indexes.get(tie.first());
            Integer second = indexes.get(tie.second());
            if (first != null && second != null) {
                ties.add(new TaskTokens.Tie(first, second));
            }
        }
        return ties;
    }

    /** Borda's count: the sum of an output's shares of the votes against each other one. */
    private static double[] votes(PreferenceSet set, Map<String, Integer> indexes) {
        double[] count = new double[indexes.size()];
        for (PreferenceSet.Pair pair : set.pairs()) {
            count(count, indexes, pair.chosen(), pair.rejected(), pair.votesFor(), pair.votesAgainst());
        }
        for (PreferenceSet.Tie tie : set.ties()) {
            count(count, indexes, tie.first(), tie.second(), tie.votesFirst(), tie.votesSecond());
        }
        return count;
    }

    private static void count(
            double[] count, Map<String, Integer> indexes, String one, String other, double votes, double against) {
        Integer i = indexes.get(one);
        Integer j = indexes.get(other);
        if (i != null && j != null) {
            double share = votes + against == 0 ? 0.5 : votes / (votes + against);
            count[i] += share;
            count[j] += 1 - share;
        }
    }

    private static String group(PreferenceSet set) {
        boolean imported = set.outputs().stream()
                .allMatch(output -> output.provenance().source().equals("imported"));
        return set.group()
                .or(() -> set.selection().map(selection -> "sampled, " + selection.reason()))
                .orElse(imported ? "imported" : "sampled");
    }

    /** Each labeler's own order; in sets that do not hold it, that of a labeler who was the only one. */
    private static List<TaskTokens.Opinion> opinions(PreferenceSet set, Map<String, Integer> indexes, int[] ranks) {
        List<TaskTokens.Opinion> opinions = new ArrayList<>();
        for (PreferenceSet.RankingUsed ranking : set.rankings()) {
            if (!ranking.groups().isEmpty()) {
                int[] own = new int[indexes.size()];
                for (int place = 0; place < ranking.groups().size(); place++) {
                    for (String id : ranking.groups().get(place)) {
                        Integer index = indexes.get(id);
                        if (index != null) {
                            own[index] = place + 1;
                        }
                    }
                }
                opinions.add(new TaskTokens.Opinion(ranking.labelerId(), own));
            } else if (set.rankings().size() == 1) {
                opinions.add(new TaskTokens.Opinion(ranking.labelerId(), ranks));
            }
        }
        return opinions;
    }

    private static boolean[] unacceptable(PreferenceSet set, Map<String, Integer> indexes) {
        boolean[] marked = new boolean[indexes.size()];
        set.unacceptable().forEach((id, labelers) -> {
            Integer index = indexes.get(id);
            if (index != null) {
                marked[index] = 2 * labelers >= Math.max(1, set.rankings().size());
            }
        });
        return marked;
    }

    /** A completion as tokens, or why it cannot be one. */
    public sealed interface Completion {
        /** @param ids the completion's tokens, with the end token unless it was cut off while sampling */
        record Tokens(int[] ids) implements Completion {}

        /** Prompt and completion are over the limit. */
        record TooLong() implements Completion {}

        /** The first token of the text merges with the last of the prompt. */
        record BoundaryMoved() implements Completion {}
    }

    /** The tokens of an output after its prompt. */
    public Completion completion(String rendered, int[] prompt, Output output) {
        int[] own = generated(output).orElseGet(() -> afterPrompt(rendered, prompt, output.text()));
        if (own.length == 0 && !output.text().isEmpty()) {
            return new Completion.BoundaryMoved();
        }
        boolean cutOff = output.provenance()
                .sampling()
                .map(sampling -> sampling.finishReason().equals("length"))
                .orElse(false);
        int[] tokens = cutOff && own.length > 0 ? own : withEnd(own);
        if (prompt.length + tokens.length > maxLengthTokens) {
            return new Completion.TooLong();
        }
        return new Completion.Tokens(tokens);
    }

    /** The stored tokens of an output, where they are this model's. */
    private Optional<int[]> generated(Output output) {
        int[] ids = output.tokenIds().stream().mapToInt(Integer::intValue).toArray();
        int vocabulary = base.config().vocabularySize();
        boolean ours = ids.length > 0
                && Arrays.stream(ids).allMatch(id -> id >= 0 && id < vocabulary)
                && decode(ids).equals(output.text());
        return ours ? Optional.of(ids) : Optional.empty();
    }

    /**
     * The tokens of a text right after a prompt, without an end token; empty when the boundary moves, that is when the
     * prompt's tokens are no prefix of the tokens of both together.
     */
    public int[] afterPrompt(String rendered, int[] prompt, String text) {
        int[] both = base.tokenizer().encode(rendered + text);
        boolean prefix = both.length > prompt.length && Arrays.equals(prompt, Arrays.copyOf(both, prompt.length));
        return prefix ? Arrays.copyOfRange(both, prompt.length, both.length) : new int[0];
    }

    /** With one end token, never two. */
    public int[] withEnd(int[] tokens) {
        int[] ends = base.tokenizer().endIds();
        if (tokens.length > 0 && Arrays.stream(ends).anyMatch(end -> end == tokens[tokens.length - 1])) {
            return tokens;
        }
        int[] result = Arrays.copyOf(tokens, tokens.length + 1);
        result[tokens.length] = ends[0];
        return result;
    }
}
