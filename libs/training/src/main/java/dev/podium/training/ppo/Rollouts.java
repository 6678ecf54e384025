package dev.podium.training.ppo;

import static dev.podium.llm.torch.Numbers.over;

import ai.djl.ndarray.NDArray;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.loss.Advantages;
import dev.podium.training.reward.RewardEnsemble;
import dev.podium.training.reward.RewardModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Samples completions with the policy, and judges them: scores, log-probabilities of policy and reference, values. */
final class Rollouts {
    /** Rollouts of an evaluation; few prompts are sampled several times to reach it. */
    private static final int EVALUATION_ROLLOUTS = 256;

    private static final int MOST_SAMPLES_PER_PROMPT = 8;

    private final CausalLM base;
    private final PromptTokenizer tokenizer;
    private final LoraAdapter policy;
    private final Optional<LoraAdapter> reference;
    private final RewardEnsemble reward;
    private final ScalarHead value;
    private final RoundConfig.Ppo config;
    private final int maxTokens;

    Rollouts(
            CausalLM base,
            PromptTokenizer tokenizer,
            LoraAdapter policy,
            Optional<LoraAdapter> reference,
            RewardEnsemble reward,
            ScalarHead value,
            RoundConfig.Ppo config) {
        this.base = base;
        this.tokenizer = tokenizer;
        this.policy = policy;
        this.reference = reference;
        this.reward = reward;
        this.value = value;
        this.config = config;
        this.maxTokens = MicroBatches.tokens(base.config());
    }

    /** @param ended whether each completion has an end token */
    record Sampled(List<Sequence> rows, boolean[] ended) {}

    /** Means over fresh samples: normalised reward, KL to the reference per completion, tokens per completion. */
    record Evaluation(double reward, double kl, double tokens, int rollouts) {}

    Sampled sample(List<int[]> prompts, int samplesPerPrompt, long seed) {
        SamplingParameters parameters =
                new SamplingParameters(config.temperature(), 0, 1.0, config.maxNewTokens(), seed);
        List<List<Completion>> completions;
        try (Generator generator = new Generator(base, Optional.of(policy))) {
            completions = generator.generate(prompts, samplesPerPrompt, parameters, tokenizer.endIds());
        }
        List<Sequence> rows = new ArrayList<>();
        boolean[] ended = new boolean[prompts.size() * samplesPerPrompt];
        for (int p = 0; p < prompts.size(); p++) {
            for (Completion completion : completions.get(p)) {
                ended[rows.size()] = completion.reason() == Completion.FinishReason.STOP;
                rows.add(new Sequence(prompts.get(p), completion.tokenIds()));
            }
        }
        return new Sampled(rows, ended);
    }

    /**
     * Everything about rollouts that stays fixed while the policy is optimised on them.
     *
     * @param scores normalised reward of each rollout, the ensemble's mean
     * @param spreads the ensemble's standard deviation, 0 for one model
     * @param logProbabilities of the policy that sampled, at the sampling temperature, [rollout][token]
     * @param reference of the reference policy, [rollout][token]
     * @param values V at each token's state, [rollout][token]; empty where a group takes the value model's place
     * @param valueStates the reward adapter's states that V is read from, [rollout][token * hidden]; empty likewise
     * @param entropySum of the policy over all tokens
     */
    record Judged(
            Sampled sampled,
            double[] scores,
            double[] spreads,
            double[][] logProbabilities,
            double[][] reference,
            double[][] values,
            float[][] valueStates,
            double entropySum) {

        /** Mean over rollouts of the sum over tokens of logp - ref. */
        double meanKl() {
            double sum = 0;
            for (int i = 0; i < logProbabilities.length; i++) {
                for (int t = 0; t < logProbabilities[i].length; t++) {
                    sum += Advantages.Kl.K1.of(logProbabilities[i][t], reference[i][t]);
                }
            }
            return sum / logProbabilities.length;
        }
    }

    /** Passes of policy, reference and reward models over rollouts, without gradients. */
    Judged judge(Sampled sampled) {
        boolean valued = config.hasValueModel();
        RewardModel first = reward.first();
        int n = sampled.rows().size();
        double[][] logProbabilities = new double[n][];
        double[][] referenceLogProbabilities = new double[n][];
        double[][] values = new double[valued ? n : 0][];
        float[][] valueStates = new float[valued ? n : 0][];
        double[] scores = new double[n];
        double entropySum = 0;
        double[] spreads = new double[n];
        for (List<Integer> part : MicroBatches.ofSequences(sampled.rows(), maxTokens)) {
            try (TensorScope scope = new TensorScope();
                    GradientMode gradients = GradientMode.off()) {
                TokenBatch batch = TokenBatch.of(
                        base, part.stream().map(sampled.rows()::get).toList());
                NDArray policyStates = atTemperature(batch, Optional.of(policy));
                NDArray logp = base.logProbabilities(policyStates, batch.targets());
                NDArray ref = base.logProbabilities(atTemperature(batch, reference), batch.targets());
                entropySum += base.entropies(policyStates).sum().getFloat();
                int[] order = part.stream().mapToInt(Integer::intValue).toArray();
                scatter(batch, logp.toFloatArray(), order, logProbabilities);
                scatter(batch, ref.toFloatArray(), order, referenceLogProbabilities);
                NDArray rewardStates = batch.states(base, Optional.of(first.adapter()));
                RewardEnsemble.Scores judged = reward.judge(batch, rewardStates);
                for (int i = 0; i < order.length; i++) {
                    scores[order[i]] = judged.mean()[i];
                    spreads[order[i]] = judged.spread()[i];
                }
                if (valued) {
                    NDArray predicting = batch.completionStates(base, rewardStates);
                    scatter(batch, value.apply(predicting).toFloatArray(), order, values);
                    scatterStates(batch, predicting.toFloatArray(), order, valueStates);
                }
            }
        }
        for (double[] row : values) {
            for (int t = 0; t < row.length; t++) {
                row[t] = first.normalise(row[t]);
            }
        }
        return new Judged(
                sampled, scores, spreads, logProbabilities, referenceLogProbabilities, values, valueStates, entropySum);
    }

    /** Fresh samples on prompts, their mean normalised reward and KL; the same seed before and after training. */
    Evaluation evaluate(List<int[]> prompts, long seed) {
        List<int[]> some = prompts.subList(0, Math.min(prompts.size(), EVALUATION_ROLLOUTS));
        int samples = Math.clamp(EVALUATION_ROLLOUTS / some.size(), 1, MOST_SAMPLES_PER_PROMPT);
        Judged judged = judge(sample(some, samples, seed));
        return new Evaluation(
                Arrays.stream(judged.scores()).average().orElse(Double.NaN),
                judged.meanKl(),
                judged.sampled().rows().stream()
                        .mapToInt(row -> row.completion().length)
                        .average()
                        .orElse(Double.NaN),
                judged.scores().length);
    }

    /** States divided by the temperature, so that their logits are those that were sampled from. */
    private NDArray atTemperature(TokenBatch batch, Optional<LoraAdapter> adapter) {
        NDArray states = batch.completionStates(base, batch.states(base, adapter));
        return config.temperature() == 1 ? states : over(states, (float) config.temperature());
    }

    private static void scatter(TokenBatch batch, float[] perToken, int[] order, double[][] into) {
        int at = 0;
        for (int i = 0; i < order.length; i++) {
            double[] row = new double[batch.sequences().get(i).completion().length];
            for (int t = 0; t < row.length; t++) {
                row[t] = perToken[at++];
            }
            into[order[i]] = row;
        }
    }

    private void scatterStates(TokenBatch batch, float[] states, int[] order, float[][] into) {
        int hidden = base.config().hiddenSize();
        int at = 0;
        for (int i = 0; i < order.length; i++) {
            int length = batch.sequences().get(i).completion().length * hidden;
            into[order[i]] = Arrays.copyOfRange(states, at, at + length);
            at += length;
        }
    }
}
