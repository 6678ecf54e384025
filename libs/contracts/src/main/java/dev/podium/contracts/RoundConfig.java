package dev.podium.contracts;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Hyperparameters of a round, one record per kind; saved in the manifest of what the round publishes. Defaults are
 * TRL's unless said otherwise.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = RoundConfig.Sample.class, name = "SAMPLE"),
    @JsonSubTypes.Type(value = RoundConfig.Sft.class, name = "SFT"),
    @JsonSubTypes.Type(value = RoundConfig.Reward.class, name = "REWARD"),
    @JsonSubTypes.Type(value = RoundConfig.Dpo.class, name = "DPO"),
    @JsonSubTypes.Type(value = RoundConfig.Ppo.class, name = "PPO")
})
public sealed interface RoundConfig {
    @JsonIgnore
    RoundKind kind();

    /** The one seed of the round. */
    long seed();

    /** A round that trains an adapter. */
    sealed interface Tuning extends RoundConfig {
        Lora lora();

        Training training();
    }

    /** What was left out of an event has a default: components that came later are objects, so that they may be absent. */
    private static <T> T orElse(@Nullable T given, T absent) {
        return given == null ? absent : given;
    }

    /** The defaults of a kind. */
    static RoundConfig defaults(RoundKind kind) {
        return switch (kind) {
            case SAMPLE -> Sample.DEFAULT;
            case SFT -> Sft.DEFAULT;
            case REWARD -> Reward.DEFAULT;
            case DPO -> Dpo.DEFAULT;
            case PPO -> Ppo.DEFAULT;
        };
    }

    /**
     * A LoRA adapter's shape.
     *
     * @param r rank, one of 8, 16, 32, 64 (what every server loads)
     * @param alpha delta W = (alpha / r) B A
     * @param dropout on the adapter's input, in [0, 1)
     * @param targets of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj
     */
    record Lora(int r, double alpha, double dropout, Set<String> targets) {
        public static final Set<String> ALL_TARGETS =
                Set.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");
        public static final Lora DEFAULT = new Lora(16, 32, 0, ALL_TARGETS);

        public Lora {
            Require.that(Set.of(8, 16, 32, 64).contains(r), "lora.r must be 8, 16, 32 or 64, not " + r);
            Require.that(alpha > 0 && Double.isFinite(alpha), "lora.alpha must be above 0");
            Require.that(dropout >= 0 && dropout < 1, "lora.dropout must be in [0, 1)");
            // Sorted, so that equal configurations are equal bytes.
            targets = Collections.unmodifiableSet(new TreeSet<>(targets == null ? ALL_TARGETS : targets));
            Require.that(
                    !targets.isEmpty() && ALL_TARGETS.containsAll(targets),
                    "lora.targets must be some of "
                            + ALL_TARGETS.stream().sorted().toList());
        }
    }

    /**
     * What the optimiser loop of every training round shares.
     *
     * @param learningRate peak rate of AdamW
     * @param epochs passes over the training split
     * @param batchTasks tasks (SFT: records; PPO: prompts) per optimiser step
     * @param maxLengthTokens longest prompt plus completion; longer ones are counted and left out
     * @param maxGradientNorm global norm to clip to
     * @param heldOutShare share of tasks, by hash of the task id, kept from training for evaluation
     * @param checkpointSteps optimiser steps between checkpoints
     * @param baseFormat how the frozen base is kept in memory, one of {@link #BASE_FORMATS}; absent: {@code float32}
     * @param recompute whether activations are computed again in the backward pass: less memory, more time
     * @param spikeFactor a step whose loss or gradient norm is more than this many times both its running median and
     *     that of the first steps is skipped and counted; 0 = off; absent: 10
     * @param publishIf one of {@link #PUBLISH_RULES}, on the round's held-out measure; absent: {@code not_worse}
     */
    record Training(
            double learningRate,
            double epochs,
            int batchTasks,
            int maxLengthTokens,
            double maxGradientNorm,
            double warmupShare,
            double heldOutShare,
            int checkpointSteps,
            String baseFormat,
            Boolean recompute,
            Double spikeFactor,
            String publishIf) {
        public static final List<String> BASE_FORMATS = List.of("float32", "bfloat16", "int8", "nf4");

        /** Better than before; not worse than before beyond chance; whatever comes out. */
        public static final List<String> PUBLISH_RULES = List.of("improved", "not_worse", "always");

        private static final double SPIKE_FACTOR = 10;

        public Training {
            Require.that(learningRate > 0 && learningRate < 1, "training.learningRate must be in (0, 1)");
            Require.that(epochs > 0 && epochs <= 1000, "training.epochs must be in (0, 1000]");
            Require.that(batchTasks >= 1 && batchTasks <= 4096, "training.batchTasks must be between 1 and 4096");
            Require.that(
                    maxLengthTokens >= 8 && maxLengthTokens <= 1_048_576,
                    "training.maxLengthTokens must be between 8 and 1048576");
            Require.that(maxGradientNorm > 0, "training.maxGradientNorm must be above 0");
            Require.that(warmupShare >= 0 && warmupShare < 1, "training.warmupShare must be in [0, 1)");
            Require.that(heldOutShare >= 0 && heldOutShare < 1, "training.heldOutShare must be in [0, 1)");
            Require.that(checkpointSteps >= 1, "training.checkpointSteps must be 1 or more");
            baseFormat = orElse(baseFormat, BASE_FORMATS.getFirst());
            recompute = orElse(recompute, false);
            spikeFactor = orElse(spikeFactor, SPIKE_FACTOR);
            publishIf = orElse(publishIf, "not_worse");
            Require.that(
                    spikeFactor == 0 || spikeFactor >= 2 && Double.isFinite(spikeFactor),
                    "training.spikeFactor must be 0 (off), or 2 or more");
            Require.that(
                    PUBLISH_RULES.contains(publishIf),
                    "training.publishIf must be one of " + String.join(", ", PUBLISH_RULES));
            Require.that(
                    BASE_FORMATS.contains(baseFormat),
                    "training.baseFormat must be one of " + String.join(", ", BASE_FORMATS));
        }

        /** The usual guards. */
        public Training(
                double learningRate,
                double epochs,
                int batchTasks,
                int maxLengthTokens,
                double maxGradientNorm,
                double warmupShare,
                double heldOutShare,
                int checkpointSteps,
                String baseFormat,
                Boolean recompute) {
            this(
                    learningRate,
                    epochs,
                    batchTasks,
                    maxLengthTokens,
                    maxGradientNorm,
                    warmupShare,
                    heldOutShare,
                    checkpointSteps,
                    baseFormat,
                    recompute,
                    SPIKE_FACTOR,
                    "not_worse");
        }

        /** The same with other guards. */
        public Training guarded(double otherSpikeFactor, String otherPublishIf) {
            return new Training(
                    learningRate,
                    epochs,
                    batchTasks,
                    maxLengthTokens,
                    maxGradientNorm,
                    warmupShare,
                    heldOutShare,
                    checkpointSteps,
                    baseFormat,
                    recompute,
                    otherSpikeFactor,
                    otherPublishIf);
        }

        /** A base in float32, activations kept. */
        public Training(
                double learningRate,
                double epochs,
                int batchTasks,
                int maxLengthTokens,
                double maxGradientNorm,
                double warmupShare,
                double heldOutShare,
                int checkpointSteps) {
            this(
                    learningRate,
                    epochs,
                    batchTasks,
                    maxLengthTokens,
                    maxGradientNorm,
                    warmupShare,
                    heldOutShare,
                    checkpointSteps,
                    BASE_FORMATS.getFirst(),
                    false);
        }

        static Training withRate(double learningRate) {
            return new Training(learningRate, 1, 4, 1024, 1.0, 0.0, 0.1, 20);
        }
    }

    /**
     * @param outputsPerPrompt K
     * @param maxPrompts at most this many prompts are sampled
     * @param mixWithBase the base model makes its share of each prompt's outputs, blind to the labeler
     * @param mixWith version of another policy adapter that makes its share, blind to the labeler; empty = off
     * @param select one of {@link #SELECTIONS}: the prompts as they come, or those whose completions the members of a
     *     reward ensemble judge most differently
     * @param candidates completions of each prompt that are judged in order to select; absent: 4
     * @param uniformShare of the selected prompts are drawn whatever their score; at least 0.1, which is what absent means
     */
    record Sample(
            long seed,
            int outputsPerPrompt,
            int maxPrompts,
            double temperature,
            int topK,
            double topP,
            int maxNewTokens,
            boolean mixWithBase,
            String mixWith,
            String select,
            Integer candidates,
            Double uniformShare)
            implements RoundConfig {
        public static final List<String> SELECTIONS = List.of("all", "disagreement");

        /** Below it what is measured on the prompts drawn at random means nothing. */
        private static final double LEAST_UNIFORM_SHARE = 0.1;

        public static final Sample DEFAULT = new Sample(1, 4, 1000, 1.0, 0, 1.0, 128, false);

        public Sample {
            Require.that(
                    outputsPerPrompt >= 2 && outputsPerPrompt <= Task.MAX_OUTPUTS,
                    "outputsPerPrompt must be between 2 and " + Task.MAX_OUTPUTS);
            Require.that(maxPrompts >= 1 && maxPrompts <= 1_000_000, "maxPrompts must be between 1 and 1000000");
            Require.that(temperature > 0 && temperature <= 10, "temperature must be in (0, 10]");
            Require.that(topK >= 0, "topK must be 0 (off) or more");
            Require.that(topP > 0 && topP <= 1, "topP must be in (0, 1]");
            Require.that(maxNewTokens >= 1 && maxNewTokens <= 65536, "maxNewTokens must be between 1 and 65536");
            mixWith = orElse(mixWith, "");
            select = orElse(select, SELECTIONS.getFirst());
            candidates = orElse(candidates, 4);
            uniformShare = orElse(uniformShare, LEAST_UNIFORM_SHARE);
            int sources = 1 + (mixWithBase ? 1 : 0) + (mixWith.isBlank() ? 0 : 1);
            Require.that(
                    sources <= outputsPerPrompt,
                    "outputsPerPrompt must be " + sources + " or more, one for each model that is mixed");
            Require.that(SELECTIONS.contains(select), "select must be one of " + String.join(", ", SELECTIONS));
            Require.that(candidates >= 2 && candidates <= 64, "candidates must be between 2 and 64");
            Require.that(
                    uniformShare >= LEAST_UNIFORM_SHARE && uniformShare <= 1,
                    "uniformShare must be in [" + LEAST_UNIFORM_SHARE + ", 1]");
        }

        /** All prompts as they come, and no other adapter mixed in. */
        public Sample(
                long seed,
                int outputsPerPrompt,
                int maxPrompts,
                double temperature,
                int topK,
                double topP,
                int maxNewTokens,
                boolean mixWithBase) {
            this(
                    seed,
                    outputsPerPrompt,
                    maxPrompts,
                    temperature,
                    topK,
                    topP,
                    maxNewTokens,
                    mixWithBase,
                    "",
                    SELECTIONS.getFirst(),
                    4,
                    LEAST_UNIFORM_SHARE);
        }

        /** Whether the prompts are selected by the disagreement of a reward ensemble. */
        public boolean selects() {
            return !select.equals(SELECTIONS.getFirst());
        }

        @Override
        public RoundKind kind() {
            return RoundKind.SAMPLE;
        }
    }

    /**
     * @param completionOnly loss on completion tokens only, else on all tokens
     * @param method one of {@link #METHODS}: what is trained; absent: {@code lora}. With {@code full} lora is not looked at
     */
    record Sft(long seed, Lora lora, Training training, boolean completionOnly, String method) implements Tuning {
        /** A LoRA adapter on the frozen base; every weight of the base, which gives a whole model. */
        public static final List<String> METHODS = List.of("lora", "full");

        /** What TRL takes for every weight; an adapter bears ten times as much. */
        public static final double FULL_LEARNING_RATE = 2e-5;

        public static final Sft DEFAULT = new Sft(1, Lora.DEFAULT, Training.withRate(2e-4), true);

        public Sft {
            lora = lora == null ? Lora.DEFAULT : lora;
            method = orElse(method, METHODS.getFirst());
            Require.that(METHODS.contains(method), "method must be one of " + String.join(", ", METHODS));
            boolean full = method.equals("full");
            training =
                    training == null ? (full ? Training.withRate(FULL_LEARNING_RATE) : DEFAULT.training()) : training;
            Require.that(
                    !full || training.baseFormat().equals(Training.BASE_FORMATS.getFirst()),
                    "method full trains the weights themselves, so training.baseFormat must be float32");
        }

        /** A LoRA adapter. */
        public Sft(long seed, Lora lora, Training training, boolean completionOnly) {
            this(seed, lora, training, completionOnly, METHODS.getFirst());
        }

        /** Whether every weight is trained. */
        @JsonIgnore
        public boolean isFull() {
            return method.equals("full");
        }

        @Override
        public RoundKind kind() {
            return RoundKind.SFT;
        }
    }

    /**
     * @param centering k of the term k mean((r_c + r_r)^2)
     * @param labelSmoothing e in [0, 0.5) of {@code bradley_terry}
     * @param loss one of {@link #LOSSES}; absent: {@code bradley_terry}
     * @param rankGapMargin g of r_c - r_r - g * margin, where a pair's margin is its rank gap / (K - 1)
     * @param members models of the ensemble, each with an adapter and a head of its own; absent: 1
     * @param minAccuracy held-out accuracy below which nothing is published; 0 = off, which is what absent means
     */
    record Reward(
            long seed,
            Lora lora,
            Training training,
            double centering,
            double labelSmoothing,
            String loss,
            Double rankGapMargin,
            Integer members,
            Double minAccuracy)
            implements Tuning {
        /** Pairs; pairs and ties; whole rankings. */
        public static final List<String> LOSSES = List.of("bradley_terry", "davidson", "plackett_luce");

        public static final int MAX_MEMBERS = 8;
        public static final Reward DEFAULT = new Reward(
                1, Lora.DEFAULT, Training.withRate(1e-4).guarded(Training.SPIKE_FACTOR, "improved"), 0.01, 0);

        public Reward {
            lora = lora == null ? Lora.DEFAULT : lora;
            training = training == null ? DEFAULT.training() : training;
            loss = loss == null ? LOSSES.getFirst() : loss;
            rankGapMargin = orElse(rankGapMargin, 0.0);
            members = orElse(members, 1);
            minAccuracy = orElse(minAccuracy, 0.0);
            Require.that(minAccuracy >= 0 && minAccuracy < 1, "minAccuracy must be in [0, 1), 0 is off");
            Require.that(centering >= 0, "centering must be 0 or more");
            Require.that(labelSmoothing >= 0 && labelSmoothing < 0.5, "labelSmoothing must be in [0, 0.5)");
            Require.that(LOSSES.contains(loss), "loss must be one of " + String.join(", ", LOSSES));
            boolean pairs = loss.equals("bradley_terry");
            Require.that(pairs || labelSmoothing == 0, "labelSmoothing belongs to bradley_terry, not to " + loss);
            Require.that(rankGapMargin >= 0 && Double.isFinite(rankGapMargin), "rankGapMargin must be 0 (off) or more");
            Require.that(pairs || rankGapMargin == 0, "rankGapMargin belongs to bradley_terry, not to " + loss);
            Require.that(members >= 1 && members <= MAX_MEMBERS, "members must be between 1 and " + MAX_MEMBERS);
        }

        /** One model by Bradley-Terry. */
        public Reward(long seed, Lora lora, Training training, double centering, double labelSmoothing) {
            this(seed, lora, training, centering, labelSmoothing, LOSSES.getFirst(), 0.0, 1);
        }

        /** Published whatever its held-out accuracy is, as far as {@code training.publishIf} lets it. */
        public Reward(
                long seed,
                Lora lora,
                Training training,
                double centering,
                double labelSmoothing,
                String loss,
                Double rankGapMargin,
                Integer members) {
            this(seed, lora, training, centering, labelSmoothing, loss, rankGapMargin, members, 0.0);
        }

        @Override
        public RoundKind kind() {
            return RoundKind.REWARD;
        }
    }

    /**
     * @param loss one of {@link #LOSSES}, most under TRL's names; {@code sigmoid} is the DPO of Rafailov et al. 2023,
     *     {@code plackett_luce} learns whole rankings, {@code kto} single outputs from the labelers' unacceptable marks
     * @param beta strength of the pull to the reference
     * @param labelSmoothing e of {@code cdpo}, {@code robust} and {@code exo_pair}
     * @param rankGapMargin g: beta D becomes beta D - g * margin, where a pair's margin is its rank gap / (K - 1)
     * @param sftWeight a of the term a * mean negative log-likelihood of the chosen outputs
     * @param voteWeights whether a pair counts by how clearly it was decided, |2 p - 1|
     * @param desirableWeight of the outputs without a mark ({@code kto}); absent: 1
     * @param undesirableWeight of the outputs marked unacceptable ({@code kto}); absent: 1
     * @param minAccuracy held-out accuracy below which nothing is published; 0 = off, which is what absent means
     */
    record Dpo(
            long seed,
            Lora lora,
            Training training,
            String loss,
            double beta,
            double labelSmoothing,
            Double rankGapMargin,
            Double sftWeight,
            Boolean voteWeights,
            Double desirableWeight,
            Double undesirableWeight,
            Double minAccuracy)
            implements Tuning {
        /** Losses of pairs, under TRL's names. */
        public static final List<String> PAIR_LOSSES = List.of(
                "sigmoid",
                "cdpo",
                "robust",
                "hinge",
                "ipo",
                "sigmoid_norm",
                "exo_pair",
                "nca_pair",
                "bco_pair",
                "sppo_hard",
                "apo_zero",
                "apo_down",
                "discopop",
                "simpo",
                "orpo");

        /** Losses of pairs in which the difference of log-ratios stands, so that a margin can be taken from it. */
        public static final List<String> MARGIN_LOSSES = List.of("sigmoid", "cdpo", "robust", "hinge");

        public static final String LISTWISE = "plackett_luce";
        public static final String UNPAIRED = "kto";

        /** All losses there are. */
        public static final List<String> LOSSES = Stream.concat(PAIR_LOSSES.stream(), Stream.of(LISTWISE, UNPAIRED))
                .toList();

        public static final Dpo DEFAULT = new Dpo(1, Lora.DEFAULT, Training.withRate(5e-6), "sigmoid", 0.1, 0);

        public Dpo {
            lora = lora == null ? Lora.DEFAULT : lora;
            training = training == null ? DEFAULT.training() : training;
            rankGapMargin = orElse(rankGapMargin, 0.0);
            sftWeight = orElse(sftWeight, 0.0);
            voteWeights = orElse(voteWeights, false);
            desirableWeight = orElse(desirableWeight, 1.0);
            undesirableWeight = orElse(undesirableWeight, 1.0);
            minAccuracy = orElse(minAccuracy, 0.0);
            Require.that(minAccuracy >= 0 && minAccuracy < 1, "minAccuracy must be in [0, 1), 0 is off");
            Require.text(loss, "loss");
            Require.that(LOSSES.contains(loss), "loss must be one of " + String.join(", ", LOSSES));
            Require.that(
                    !loss.equals("exo_pair") || labelSmoothing > 0,
                    "exo_pair needs labelSmoothing above 0 (0.001 is usual)");
            Require.that(beta > 0 && Double.isFinite(beta), "beta must be above 0");
            Require.that(labelSmoothing >= 0 && labelSmoothing < 0.5, "labelSmoothing must be in [0, 0.5)");
            Require.that(rankGapMargin >= 0 && Double.isFinite(rankGapMargin), "rankGapMargin must be 0 (off) or more");
            Require.that(
                    rankGapMargin == 0 || MARGIN_LOSSES.contains(loss),
                    "rankGapMargin goes with " + String.join(", ", MARGIN_LOSSES) + ", not with " + loss);
            Require.that(sftWeight >= 0 && Double.isFinite(sftWeight), "sftWeight must be 0 (off) or more");
            Require.that(
                    sftWeight == 0 || PAIR_LOSSES.contains(loss),
                    "sftWeight goes with losses of pairs, not with " + loss);
            Require.that(
                    !voteWeights || PAIR_LOSSES.contains(loss),
                    "voteWeights goes with losses of pairs, not with " + loss);
            Require.that(
                    desirableWeight > 0 && undesirableWeight > 0,
                    "desirableWeight and undesirableWeight must be above 0");
        }

        /** A loss without additions. */
        public Dpo(long seed, Lora lora, Training training, String loss, double beta, double labelSmoothing) {
            this(seed, lora, training, loss, beta, labelSmoothing, 0.0, 0.0, false, 1.0, 1.0);
        }

        /** Published whatever its held-out accuracy is, as far as {@code training.publishIf} lets it. */
        public Dpo(
                long seed,
                Lora lora,
                Training training,
                String loss,
                double beta,
                double labelSmoothing,
                Double rankGapMargin,
                Double sftWeight,
                Boolean voteWeights,
                Double desirableWeight,
                Double undesirableWeight) {
            this(
                    seed,
                    lora,
                    training,
                    loss,
                    beta,
                    labelSmoothing,
                    rankGapMargin,
                    sftWeight,
                    voteWeights,
                    desirableWeight,
                    undesirableWeight,
                    0.0);
        }

        @Override
        public RoundKind kind() {
            return RoundKind.DPO;
        }
    }

    /**
     * @param totalPrompts prompts rolled out in the whole round (TRL's episodes); taken in turn from the prompts
     * @param ppoEpochs optimisation passes over each batch of rollouts
     * @param klCoefficient weight of the per-token KL penalty (k1)
     * @param clip policy ratio clip range
     * @param valueClip value clip range
     * @param valueCoefficient weight of the value loss
     * @param missingEndPenalty subtracted from the score where the end token is missing; 0 = off
     * @param targetKl stop a batch's passes when its approximate KL exceeds this; 0 = off
     * @param advantage one of {@link #ADVANTAGES}; absent: {@code gae}, the only one with a value model
     * @param samplesPerPrompt K completions of each prompt, a group; 2 or more for {@code rloo} and {@code grpo}
     * @param adaptiveKl KL per rollout that the KL weight is steered to; 0 = off
     * @param maxKl KL per rollout at which the policy has collapsed: the round goes back to its last checkpoint; 0 = off
     * @param spreadPenalty times the standard deviation of the reward ensemble is taken from a score
     */
    record Ppo(
            long seed,
            Lora lora,
            Training training,
            int totalPrompts,
            int ppoEpochs,
            int miniBatches,
            double klCoefficient,
            double clip,
            double valueClip,
            double valueCoefficient,
            double gamma,
            double lambda,
            double temperature,
            int maxNewTokens,
            double missingEndPenalty,
            double targetKl,
            String advantage,
            Integer samplesPerPrompt,
            Double adaptiveKl,
            Double maxKl,
            Double spreadPenalty)
            implements Tuning {
        /**
         * Generalised advantage estimation with a value model; leave-one-out (Ahmadian et al. 2024); group-relative
         * (Shao et al. 2024), and the same without division by the group's deviation (Liu et al. 2025).
         */
        public static final List<String> ADVANTAGES = List.of("gae", "rloo", "grpo", "dr_grpo");

        private static final String VALUED = ADVANTAGES.getFirst();

        public static final Ppo DEFAULT = new Ppo(
                1, Lora.DEFAULT, Training.withRate(3e-6), 256, 4, 1, 0.05, 0.2, 0.2, 0.1, 1.0, 0.95, 0.7, 64, 0, 0);

        public Ppo {
            lora = lora == null ? Lora.DEFAULT : lora;
            training = training == null ? DEFAULT.training() : training;
            Require.that(totalPrompts >= 1, "totalPrompts must be 1 or more");
            Require.that(ppoEpochs >= 1 && ppoEpochs <= 100, "ppoEpochs must be between 1 and 100");
            Require.that(miniBatches >= 1, "miniBatches must be 1 or more");
            Require.that(klCoefficient >= 0, "klCoefficient must be 0 or more");
            Require.that(clip > 0 && clip < 1, "clip must be in (0, 1)");
            Require.that(valueClip > 0, "valueClip must be above 0");
            Require.that(
                    valueCoefficient >= 0 && Double.isFinite(valueCoefficient), "valueCoefficient must be 0 or more");
            Require.that(gamma > 0 && gamma <= 1, "gamma must be in (0, 1]");
            Require.that(lambda >= 0 && lambda <= 1, "lambda must be in [0, 1]");
            Require.that(temperature > 0 && temperature <= 10, "temperature must be in (0, 10]");
            Require.that(maxNewTokens >= 1 && maxNewTokens <= 65536, "maxNewTokens must be between 1 and 65536");
            Require.that(
                    missingEndPenalty >= 0 && Double.isFinite(missingEndPenalty),
                    "missingEndPenalty is subtracted from a score and must be 0 (off) or more");
            Require.that(targetKl >= 0, "targetKl must be 0 (off) or more");
            advantage = advantage == null ? ADVANTAGES.getFirst() : advantage;
            Require.that(ADVANTAGES.contains(advantage), "advantage must be one of " + String.join(", ", ADVANTAGES));
            samplesPerPrompt = orElse(samplesPerPrompt, advantage.equals(VALUED) ? 1 : 4);
            adaptiveKl = orElse(adaptiveKl, 0.0);
            maxKl = orElse(maxKl, 0.0);
            spreadPenalty = orElse(spreadPenalty, 0.0);
            Require.that(
                    samplesPerPrompt >= (advantage.equals(VALUED) ? 1 : 2) && samplesPerPrompt <= 64,
                    "samplesPerPrompt must be between 1 and 64, and 2 or more for " + advantage);
            Require.that(adaptiveKl >= 0, "adaptiveKl must be 0 (off) or more");
            Require.that(
                    adaptiveKl == 0 || klCoefficient > 0,
                    "adaptiveKl steers klCoefficient by factors, and 0 stays 0: set klCoefficient above 0 (0.05 is usual),"
                            + " or leave adaptiveKl out");
            Require.that(maxKl >= 0, "maxKl must be 0 (off) or more");
            Require.that(spreadPenalty >= 0, "spreadPenalty must be 0 (off) or more");
        }

        /** Whether a value model is trained; else the completions of a prompt are compared with one another. */
        public boolean hasValueModel() {
            return advantage.equals(VALUED);
        }

        /** One completion of each prompt, with a value model and a fixed KL weight. */
        public Ppo(
                long seed,
                Lora lora,
                Training training,
                int totalPrompts,
                int ppoEpochs,
                int miniBatches,
                double klCoefficient,
                double clip,
                double valueClip,
                double valueCoefficient,
                double gamma,
                double lambda,
                double temperature,
                int maxNewTokens,
                double missingEndPenalty,
                double targetKl) {
            this(
                    seed,
                    lora,
                    training,
                    totalPrompts,
                    ppoEpochs,
                    miniBatches,
                    klCoefficient,
                    clip,
                    valueClip,
                    valueCoefficient,
                    gamma,
                    lambda,
                    temperature,
                    maxNewTokens,
                    missingEndPenalty,
                    targetKl,
                    ADVANTAGES.getFirst(),
                    1,
                    0.0,
                    0.0,
                    0.0);
        }

        @Override
        public RoundKind kind() {
            return RoundKind.PPO;
        }
    }
}
