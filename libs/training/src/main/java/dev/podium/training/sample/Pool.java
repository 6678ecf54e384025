package dev.podium.training.sample;

import dev.podium.contracts.Message;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.Task;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.Seeds;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * The prompts that a SAMPLE round can take, those of the command or else those of the pinned preference sets, and which of
 * them it takes.
 *
 * @param tooLong prompts that leave no room for a completion
 */
record Pool(List<Prompt> prompts, int tooLong) {
    /** A pool to select from has at most so many times the prompts that are wanted. */
    private static final int MOST_PER_SELECTED = 10;

    private static final long POOL_STREAM = 107;
    private static final long UNIFORM_STREAM = 108;

    /** One prompt; without a selection it was taken as it came. */
    record Prompt(
            int index, List<Message> messages, int[] tokens, Optional<String> group, Optional<Task.Selection> why) {
        Prompt at(int position, Optional<Task.Selection> reason) {
            return new Prompt(position, messages, tokens, group, reason);
        }
    }

    static Pool of(RoundContext context, PromptTokenizer tokenizer, RoundConfig.Sample config) throws RoundFailure {
        Map<List<Message>, Optional<String>> unique = new LinkedHashMap<>();
        context.command().prompts().forEach(prompt -> unique.putIfAbsent(prompt, Optional.empty()));
        if (unique.isEmpty()) {
            for (List<PreferenceSet> sets :
                    List.of(context.data().train(), context.data().heldOut())) {
                sets.forEach(set -> unique.putIfAbsent(set.prompt(), set.group()));
            }
        }
        List<Prompt> prompts = new ArrayList<>();
        int tooLong = 0;
        for (Map.Entry<List<Message>, Optional<String>> entry : unique.entrySet()) {
            int[] tokens = tokenizer.prompt(entry.getKey());
            if (tokens.length + config.maxNewTokens() > tokenizer.maxLengthTokens()) {
                tooLong++;
            } else if (config.selects() || prompts.size() < config.maxPrompts()) {
                prompts.add(new Prompt(prompts.size(), entry.getKey(), tokens, entry.getValue(), Optional.empty()));
            }
        }
        if (prompts.isEmpty()) {
            throw new RoundFailure(
                    "no_data",
                    "no prompt to sample (" + tooLong + " leave no room for maxNewTokens " + config.maxNewTokens()
                            + "); give prompts, or import tasks first");
        }
        return new Pool(limited(prompts, config), tooLong);
    }

    private static List<Prompt> limited(List<Prompt> prompts, RoundConfig.Sample config) {
        long most = (long) MOST_PER_SELECTED * config.maxPrompts();
        if (!config.selects() || prompts.size() <= most) {
            return prompts;
        }
        List<Prompt> shuffled = new ArrayList<>(prompts);
        Collections.shuffle(shuffled, new Random(Seeds.mix(config.seed(), POOL_STREAM)));
        return numbered(shuffled.subList(0, (int) most));
    }

    private static List<Prompt> numbered(List<Prompt> prompts) {
        return IntStream.range(0, prompts.size())
                .mapToObj(i -> prompts.get(i).at(i, prompts.get(i).why()))
                .toList();
    }

    /** How many prompts the round takes. */
    int wanted(RoundConfig.Sample config) {
        return Math.min(config.maxPrompts(), prompts.size());
    }

    /**
     * A share drawn from all prompts whatever their score, and then of the others those with the highest scores; in the
     * order of the pool.
     *
     * @param scores of the prompts
     */
    List<Prompt> selected(RoundConfig.Sample config, double[] scores) {
        int wanted = wanted(config);
        List<Integer> order =
                new ArrayList<>(IntStream.range(0, prompts.size()).boxed().toList());
        Collections.shuffle(order, new Random(Seeds.mix(config.seed(), UNIFORM_STREAM)));
        Set<Integer> uniform = new TreeSet<>(order.subList(0, (int) Math.ceil(config.uniformShare() * wanted)));
        Set<Integer> chosen = new TreeSet<>(uniform);
        IntStream.range(0, prompts.size())
                .boxed()
                .filter(i -> !uniform.contains(i))
                .sorted(Comparator.comparingDouble(i -> -scores[i]))
                .limit(wanted - uniform.size())
                .forEach(chosen::add);
        List<Prompt> selected = new ArrayList<>();
        for (int i : chosen) {
            String reason = uniform.contains(i) ? Task.Selection.UNIFORM : Task.Selection.DISAGREEMENT;
            selected.add(prompts.get(i).at(selected.size(), Optional.of(new Task.Selection(reason, scores[i]))));
        }
        return selected;
    }
}
