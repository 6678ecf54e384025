package dev.podium.training.ppo;

import dev.podium.contracts.Message;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundConfig;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.data.Split;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The prompts of a PPO round as tokens: those of the command, or else those of the pinned preference sets.
 *
 * @param heldOut prompts that are not trained on; empty where there are too few
 * @param info counts for the start of the round
 */
record Prompts(List<int[]> train, List<int[]> heldOut, Map<String, Double> info) {

    static Prompts of(RoundContext context, PromptTokenizer tokenizer, RoundConfig.Ppo config) throws RoundFailure {
        Set<List<Message>> train = new LinkedHashSet<>();
        Set<List<Message>> heldOut = new LinkedHashSet<>();
        for (List<Message> prompt : context.command().prompts()) {
            (Split.isHeldOut(prompt, config.training().heldOutShare()) ? heldOut : train).add(prompt);
        }
        if (context.command().prompts().isEmpty()) {
            context.data().heldOut().stream().map(PreferenceSet::prompt).forEach(heldOut::add);
            context.data().train().stream().map(PreferenceSet::prompt).forEach(train::add);
        }
        // The same text may belong to several tasks: what is held out is not trained on.
        train.removeAll(heldOut);
        int[] tooLong = {0};
        int limit = tokenizer.maxLengthTokens() - config.maxNewTokens();
        List<int[]> trainTokens = tokens(train, tokenizer, limit, tooLong);
        List<int[]> heldOutTokens = tokens(heldOut, tokenizer, limit, tooLong);
        if (trainTokens.isEmpty()) {
            // A handful of prompts must not all be held out.
            trainTokens = heldOutTokens;
            heldOutTokens = List.of();
        }
        if (trainTokens.isEmpty()) {
            throw new RoundFailure(
                    "no_data",
                    "no prompt to roll out (" + tooLong[0] + " are longer than " + limit
                            + " tokens); give prompts, or import tasks first");
        }
        Map<String, Double> info = new LinkedHashMap<>();
        info.put("tasks", (double) trainTokens.size());
        info.put("heldOutTasks", (double) heldOutTokens.size());
        info.put("tooLong", (double) tooLong[0]);
        info.put("missing", (double) context.data().missing());
        return new Prompts(trainTokens, heldOutTokens, info);
    }

    /** What the reward before and after is measured on: the training prompts where none is held out. */
    List<int[]> evaluated() {
        return heldOut.isEmpty() ? train : heldOut;
    }

    private static List<int[]> tokens(Set<List<Message>> prompts, PromptTokenizer tokenizer, int limit, int[] tooLong) {
        List<int[]> all = new ArrayList<>();
        for (List<Message> prompt : prompts) {
            int[] tokens = tokenizer.prompt(prompt);
            if (tokens.length > limit) {
                tooLong[0]++;
            } else {
                all.add(tokens);
            }
        }
        return all;
    }
}
