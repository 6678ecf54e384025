package dev.podium.training.sample;

import dev.podium.contracts.RoundConfig;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.Seeds;
import dev.podium.training.reward.RewardEnsemble;
import dev.podium.training.rollout.CompletionSource;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** How differently the members of a reward ensemble judge what a model says to a prompt. */
record Disagreement(RewardEnsemble ensemble, CausalLM base, RoundConfig.Sample config) implements AutoCloseable {
    private static final long CANDIDATE_STREAM = 106;

    static Disagreement open(RoundContext context, RoundConfig.Sample config) throws RoundFailure {
        RoundContext.RewardModel files = context.rewardModel()
                .orElseThrow(() -> new RoundFailure(
                        "unknown_adapter", "a SAMPLE round that selects by disagreement needs a rewardAdapter"));
        RewardEnsemble ensemble = RewardEnsemble.read(files, context.model());
        if (ensemble.members().size() < 2) {
            ensemble.close();
            throw new RoundFailure(
                    "not_an_ensemble",
                    "the reward adapter has one model, which cannot disagree with itself; train it with members=3 or"
                            + " more, or sample with select=all");
        }
        return new Disagreement(ensemble, context.model(), config);
    }

    /** Scores of some prompts, a function of seed and step. */
    double[] scores(
            CompletionSource source,
            PromptTokenizer tokenizer,
            RoundContext context,
            List<Pool.Prompt> prompts,
            int step)
            throws RoundFailure {
        SamplingParameters parameters = new SamplingParameters(
                config.temperature(),
                config.topK(),
                config.topP(),
                config.maxNewTokens(),
                Seeds.mix(config.seed() ^ CANDIDATE_STREAM, step));
        int candidates = config.candidates();
        List<Sequence> rows = new java.util.ArrayList<>();
        List<List<Completion>> completions = source.generate(
                prompts.stream().map(Pool.Prompt::tokens).toList(),
                candidates,
                parameters,
                tokenizer.endIds(),
                context.cancelled());
        for (int p = 0; p < prompts.size(); p++) {
            for (Completion completion : completions.get(p)) {
                rows.add(new Sequence(prompts.get(p).tokens(), completion.tokenIds()));
            }
        }
        double[][] byMember = judged(rows);
        double[] scores = new double[prompts.size()];
        for (int p = 0; p < scores.length; p++) {
            int first = p * candidates;
            scores[p] = RewardEnsemble.disagreement(Arrays.stream(byMember)
                    .map(member -> Arrays.copyOfRange(member, first, first + candidates))
                    .toArray(double[][]::new));
        }
        return scores;
    }

    private double[][] judged(List<Sequence> rows) {
        double[][] byMember = new double[ensemble.members().size()][rows.size()];
        for (List<Integer> part : MicroBatches.ofSequences(rows, MicroBatches.tokens(base.config()))) {
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.off()) {
                TokenBatch batch =
                        TokenBatch.of(base, part.stream().map(rows::get).toList());
                double[][] judged = ensemble.judgeEach(
                        batch, batch.states(base, Optional.of(ensemble.first().adapter())));
                for (int m = 0; m < judged.length; m++) {
                    for (int i = 0; i < part.size(); i++) {
                        byMember[m][part.get(i)] = judged[m][i];
                    }
                }
            }
        }
        return byMember;
    }

    @Override
    public void close() {
        ensemble.close();
    }
}
