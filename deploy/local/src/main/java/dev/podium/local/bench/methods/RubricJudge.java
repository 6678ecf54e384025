package dev.podium.local.bench.methods;

import dev.podium.contracts.Message;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.nano.SupportDialogues;
import dev.podium.local.demo.SupportRubric;
import dev.podium.training.batch.PromptTokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the rubric says of answers to prompts that no one trained on, next to the base model's: one yardstick for all
 * methods that make answers.
 */
final class RubricJudge {
    private static final long PROMPT_SEED = 7_001;

    private final PromptTokenizer tokenizer;
    private final List<int[]> prompts;
    private final int maxNewTokens;

    RubricJudge(PromptTokenizer tokenizer, int prompts, int maxNewTokens) {
        this.tokenizer = tokenizer;
        this.prompts = SupportDialogues.prompts(SupportDialogues.Split.HELD_OUT, prompts, PROMPT_SEED).stream()
                .map(text -> tokenizer.prompt(List.of(Message.user(text))))
                .toList();
        this.maxNewTokens = maxNewTokens;
    }

    /** Scores of one answer to each prompt. */
    double[] scores(CausalLM model, Optional<LoraAdapter> adapter, double temperature, long seed) {
        try (Generator generator = new Generator(model, adapter)) {
            List<Double> scores = new ArrayList<>();
            SamplingParameters parameters = new SamplingParameters(temperature, 0, 1, maxNewTokens, seed);
            for (List<Completion> answers : generator.generate(prompts, 1, parameters, tokenizer.endIds())) {
                scores.add(
                        SupportRubric.score(tokenizer.decode(answers.getFirst().tokenIds())));
            }
            return scores.stream().mapToDouble(score -> score).toArray();
        }
    }

    /** Share of prompts whose first score is the higher one; a draw counts one half. */
    static double winRate(double[] scores, double[] others) {
        double points = 0;
        for (int i = 0; i < scores.length; i++) {
            points += scores[i] > others[i] ? 1 : scores[i] == others[i] ? 0.5 : 0;
        }
        return points / scores.length;
    }
}
