package dev.podium.training.loop;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.lora.LoraTarget;
import dev.podium.llm.lora.PeftFolder;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.training.batch.Seeds;
import dev.podium.training.batch.TokenizedTasks;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How a round begins and ends: the adapter it starts from, what it says of its size, the folder it leaves. */
public final class RoundStart {
    private static final Logger LOG = LoggerFactory.getLogger(RoundStart.class);
    private static final long ADAPTER_STREAM = 101;

    private RoundStart() {}

    /** The adapter that is trained: the round's initial one continued, or a new one drawn with the round's seed. */
    public static LoraAdapter policyAdapter(RoundContext context, RoundConfig.Lora lora, long seed)
            throws RoundFailure {
        Optional<LoraAdapter> initial = initialAdapter(context);
        if (initial.isPresent()) {
            if (!shape(initial.get()).equals(lora)) {
                LOG.info(
                        "round {}: the initial adapter keeps its own shape {}; lora of the configuration is for new"
                                + " ones",
                        context.command().roundId(),
                        shape(initial.get()));
            }
            initial.get().requireGradients(true);
            return initial.get();
        }
        return newAdapter(context.model(), lora, seed);
    }

    /** A new adapter that changes nothing yet. */
    public static LoraAdapter newAdapter(CausalLM model, RoundConfig.Lora lora, long seed) {
        LoraAdapter adapter =
                LoraAdapter.initialise(model, shape(lora), new SplittableRandom(Seeds.mix(seed, ADAPTER_STREAM)));
        adapter.requireGradients(true);
        return adapter;
    }

    /** The round's initial adapter, frozen; empty where the round starts from the base model. */
    public static Optional<LoraAdapter> initialAdapter(RoundContext context) throws RoundFailure {
        if (context.initialAdapter().isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(read(context.initialAdapter().get(), context.model()));
    }

    /** The adapter that a SAMPLE round mixes in, frozen. */
    public static Optional<LoraAdapter> mixAdapter(RoundContext context) throws RoundFailure {
        return context.mixAdapter().isEmpty()
                ? Optional.empty()
                : Optional.of(read(context.mixAdapter().get(), context.model()));
    }

    /** Reads a PEFT folder. */
    public static LoraAdapter read(Path folder, CausalLM model) throws RoundFailure {
        return read(folder, 0, model);
    }

    /**
     * Reads one of several adapters in a PEFT folder.
     *
     * @param member from 0; 0 is the one that PEFT sees
     */
    public static LoraAdapter read(Path folder, int member, CausalLM model) throws RoundFailure {
        try {
            return PeftFolder.read(folder, member, model);
        } catch (ModelFileException e) {
            throw new RoundFailure("unknown_adapter", "the adapter does not fit the base model: " + e.getMessage(), e);
        }
    }

    /**
     * Writes the finished adapter as a PEFT folder.
     *
     * @param head of a reward adapter
     */
    public static RoundResult.TrainedAdapter write(
            RoundContext context, LoraAdapter adapter, Optional<ScalarHead> head) {
        Path folder = context.workDir().resolve("adapter");
        try {
            PeftFolder.write(folder, adapter, head, context.base().name());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the adapter in " + folder, e);
        }
        return new RoundResult.TrainedAdapter(
                folder, AdapterManifest.Kind.POLICY, Optional.of(shape(adapter)), Optional.empty(), Optional.empty());
    }

    /** The shape of a new adapter. */
    public static LoraConfig shape(RoundConfig.Lora lora) {
        return new LoraConfig(
                lora.r(),
                lora.alpha(),
                lora.dropout(),
                lora.targets().stream().map(LoraTarget::of).collect(Collectors.toSet()),
                false);
    }

    /** An adapter's shape as the contracts know it. */
    public static RoundConfig.Lora shape(LoraAdapter adapter) {
        LoraConfig config = adapter.config();
        return new RoundConfig.Lora(
                config.r(),
                config.alpha(),
                config.dropout(),
                config.targets().stream().map(LoraTarget::projection).collect(Collectors.toSet()));
    }

    /** @throws RoundFailure {@code no_data} where no task has a decided pair that can be used */
    public static void requirePairs(TokenizedTasks train) throws RoundFailure {
        if (train.tasks().isEmpty()) {
            throw new RoundFailure(
                    "no_data",
                    "no task with a decided pair to train on (" + train.undecided() + " undecided, " + train.tooLong()
                            + " outputs too long, " + train.boundaryMoved()
                            + " whose first token merges with the prompt); rank more tasks or raise"
                            + " training.maxLengthTokens");
        }
    }

    /** What is told of preference data at the start. */
    public static Map<String, Double> info(RoundContext context, TokenizedTasks train, TokenizedTasks heldOut) {
        Map<String, Double> info = new LinkedHashMap<>();
        info.put("tasks", (double) train.tasks().size());
        info.put("pairs", (double) train.pairs());
        info.put("heldOutTasks", (double) heldOut.tasks().size());
        info.put("heldOutPairs", (double) heldOut.pairs());
        info.put("tooLong", (double) (train.tooLong() + heldOut.tooLong()));
        info.put("boundaryMoved", (double) (train.boundaryMoved() + heldOut.boundaryMoved()));
        info.put("undecided", (double) (train.undecided() + heldOut.undecided()));
        info.put("encodedAnew", (double) (train.encodedAnew() + heldOut.encodedAnew()));
        info.put("missing", (double) context.data().missing());
        return info;
    }

    /** Reports the start and logs the line that everyone looks for. */
    public static void report(
            RoundContext context,
            List<NamedParameter> trainable,
            Map<String, Double> counts,
            int resumedFromStep,
            int totalSteps) {
        long trained = trainable.stream().mapToLong(p -> p.array().size()).sum();
        boolean own = trainable.stream().anyMatch(p -> p.name().equals(CausalLM.EMBEDDING));
        long all = context.model().parameterCount() + (own ? 0 : trained);
        LOG.info(
                "round {}: trainable params: {} || all params: {} || trainable%: {}",
                context.command().roundId(), trained, all, String.format(Locale.ROOT, "%.4f", 100.0 * trained / all));
        LOG.info("round {}: {} steps from {}, {}", context.command().roundId(), totalSteps, resumedFromStep, counts);
        Map<String, Double> info = new LinkedHashMap<>(counts);
        info.put("trainableParameters", (double) trained);
        info.put("allParameters", (double) all);
        context.reporter().started(info, resumedFromStep, totalSteps);
    }

    /** The elements of these indexes. */
    public static <T> List<T> take(List<T> all, int[] indexes) {
        List<T> some = new ArrayList<>(indexes.length);
        for (int index : indexes) {
            some.add(all.get(index));
        }
        return some;
    }
}
