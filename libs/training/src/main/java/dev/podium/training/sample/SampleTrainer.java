package dev.podium.training.sample;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.SampleSet;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.Seeds;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import dev.podium.training.round.Trainer;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * K fresh outputs for each prompt, from the base model, from an adapter, or half and half without telling the labeler. An
 * output is a function of seed, prompt and position: a round that starts over after a crash sends the same sets under
 * the same indexes, which is harmless.
 */
public final class SampleTrainer implements Trainer {
    /** Prompts that are sampled together, and reported together. */
    private static final int PROMPTS_PER_STEP = 16;

    /** Further draws for a prompt whose outputs came out equal. */
    private static final int MOST_REDRAWS = 3;

    private final Clock clock;

    public SampleTrainer(Clock clock) {
        this.clock = clock;
    }

    /** @param adapted whether the round's adapter is merged in */
    private record Source(Generator generator, boolean adapted) {}

    /** One prompt of the round. */
    private record Prompt(int index, List<Message> messages, int[] tokens) {}

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        RoundConfig.Sample config = (RoundConfig.Sample) context.command().config();
        PromptTokenizer tokenizer =
                new PromptTokenizer(context.base(), context.base().config().maxPositions());
        int[] tooLong = {0};
        List<Prompt> prompts = prompts(context, tokenizer, config, tooLong);
        int totalSteps = Math.ceilDiv(prompts.size(), PROMPTS_PER_STEP);
        Optional<LoraAdapter> adapter = RoundStart.initialAdapter(context);
        boolean mixed = config.mixWithBase() && adapter.isPresent();
        try (Generator own = new Generator(context.model(), adapter);
                @Nullable Generator base = mixed ? new Generator(context.model(), Optional.empty()) : null) {
            Source first = new Source(own, adapter.isPresent());
            Optional<Source> second = Optional.ofNullable(base).map(generator -> new Source(generator, false));
            RoundStart.report(
                    context,
                    List.of(),
                    Map.of("tasks", (double) prompts.size(), "tooLong", (double) tooLong[0]),
                    0,
                    totalSteps);
            StepReporter reporter = new StepReporter(context.reporter(), 0, totalSteps, System::nanoTime);
            long began = System.nanoTime();
            long tokens = 0;
            int outputs = 0;
            int sent = 0;
            for (int step = 0; step < totalSteps; step++) {
                context.checkCancelled(step);
                List<Prompt> some = prompts.subList(
                        step * PROMPTS_PER_STEP, Math.min(prompts.size(), (step + 1) * PROMPTS_PER_STEP));
                List<SampleSet> sets;
                try {
                    sets = sample(context, tokenizer, config, first, second, some);
                } catch (CancellationException e) {
                    throw new RoundCancelled(step);
                }
                for (SampleSet set : sets) {
                    context.reporter().sample(set);
                    sent++;
                    outputs += set.outputs().size();
                    tokens += set.outputs().stream()
                            .mapToInt(o -> o.tokenIds().size())
                            .sum();
                }
                reporter.step(
                        step + 1,
                        Map.of(
                                "prompts", (double) sent,
                                "outputs", (double) outputs,
                                "tokens_per_second", tokens / ((System.nanoTime() - began) / 1e9)));
            }
            Map<String, Double> metrics = new LinkedHashMap<>();
            metrics.put("prompts", (double) sent);
            metrics.put("outputs", (double) outputs);
            metrics.put("all_equal", (double) (prompts.size() - sent));
            metrics.put("too_long", (double) tooLong[0]);
            return new RoundResult(Optional.empty(), metrics);
        } finally {
            adapter.ifPresent(LoraAdapter::close);
        }
    }

    private static List<Prompt> prompts(
            RoundContext context, PromptTokenizer tokenizer, RoundConfig.Sample config, int[] tooLong)
            throws RoundFailure {
        LinkedHashSet<List<Message>> unique =
                new LinkedHashSet<>(context.command().prompts());
        if (unique.isEmpty()) {
            context.data().train().stream().map(PreferenceSet::prompt).forEach(unique::add);
            context.data().heldOut().stream().map(PreferenceSet::prompt).forEach(unique::add);
        }
        List<Prompt> prompts = new ArrayList<>();
        for (List<Message> messages : unique) {
            int[] tokens = tokenizer.prompt(messages);
            if (tokens.length + config.maxNewTokens() > tokenizer.maxLengthTokens()) {
                tooLong[0]++;
            } else if (prompts.size() < config.maxPrompts()) {
                prompts.add(new Prompt(prompts.size(), messages, tokens));
            }
        }
        if (prompts.isEmpty()) {
            throw new RoundFailure(
                    "no_data",
                    "no prompt to sample (" + tooLong[0] + " leave no room for maxNewTokens " + config.maxNewTokens()
                            + "); give prompts, or import tasks first");
        }
        return prompts;
    }

    /** The sets of some prompts; one whose outputs are all equal is left out. */
    private List<SampleSet> sample(
            RoundContext context,
            PromptTokenizer tokenizer,
            RoundConfig.Sample config,
            Source first,
            Optional<Source> second,
            List<Prompt> prompts) {
        int fromSecond = second.isPresent() ? config.outputsPerPrompt() / 2 : 0;
        List<Map<String, Output>> drawn = new ArrayList<>();
        prompts.forEach(prompt -> drawn.add(new LinkedHashMap<>()));
        draw(context, tokenizer, config, first, prompts, config.outputsPerPrompt() - fromSecond, drawn, 0);
        second.ifPresent(
                source -> draw(context, tokenizer, config, source, prompts, config.outputsPerPrompt(), drawn, 100));
        List<SampleSet> sets = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            List<Output> outputs = new ArrayList<>(drawn.get(i).values());
            if (outputs.size() < 2) {
                continue;
            }
            // Blind: neither position nor id tells where an output is from.
            Collections.shuffle(
                    outputs, new Random(Seeds.mix(config.seed(), prompts.get(i).index())));
            sets.add(new SampleSet(
                    context.command().projectId(),
                    context.command().roundId(),
                    prompts.get(i).index(),
                    prompts.get(i).messages(),
                    numbered(outputs),
                    clock.instant()));
        }
        return sets;
    }

    /** Fills each prompt's outputs up to a number of different texts, drawing again where texts came out equal. */
    private void draw(
            RoundContext context,
            PromptTokenizer tokenizer,
            RoundConfig.Sample config,
            Source source,
            List<Prompt> prompts,
            int wanted,
            List<Map<String, Output>> drawn,
            int stream) {
        for (int attempt = 0; attempt <= MOST_REDRAWS; attempt++) {
            List<Integer> open = new ArrayList<>();
            int missing = 0;
            for (int i = 0; i < prompts.size(); i++) {
                if (drawn.get(i).size() < wanted) {
                    open.add(i);
                    missing = Math.max(missing, wanted - drawn.get(i).size());
                }
            }
            if (open.isEmpty()) {
                return;
            }
            long seed = Seeds.mix(config.seed(), (prompts.getFirst().index() * 1_000L + stream) + attempt);
            SamplingParameters parameters = new SamplingParameters(
                    config.temperature(), config.topK(), config.topP(), config.maxNewTokens(), seed);
            List<List<Completion>> completions = source.generator()
                    .generate(
                            open.stream().map(i -> prompts.get(i).tokens()).toList(),
                            missing,
                            parameters,
                            tokenizer.endIds(),
                            context.cancelled());
            for (int j = 0; j < open.size(); j++) {
                Map<String, Output> outputs = drawn.get(open.get(j));
                for (Completion completion : completions.get(j)) {
                    Output output = output(context, tokenizer, source.adapted(), parameters, completion);
                    if (outputs.size() < wanted && !output.text().isBlank()) {
                        outputs.putIfAbsent(output.text().strip(), output);
                    }
                }
            }
        }
    }

    private static Output output(
            RoundContext context,
            PromptTokenizer tokenizer,
            boolean byAdapter,
            SamplingParameters parameters,
            Completion completion) {
        boolean stopped = completion.reason() == Completion.FinishReason.STOP;
        int[] tokens = completion.tokenIds();
        int[] text = stopped ? Arrays.copyOf(tokens, tokens.length - 1) : tokens;
        return new Output(
                "unnumbered",
                tokenizer.decode(text),
                new Output.Provenance(
                        "sampled",
                        Optional.of(context.base().name()),
                        byAdapter ? context.command().initialAdapter() : Optional.empty(),
                        Optional.of(new Output.Sampling(
                                parameters.temperature(),
                                parameters.topK(),
                                parameters.topP(),
                                parameters.maxNewTokens(),
                                parameters.seed(),
                                stopped ? "stop" : "length"))),
                Arrays.stream(text).boxed().toList());
    }

    private static List<Output> numbered(List<Output> outputs) {
        List<Output> numbered = new ArrayList<>();
        for (Output output : outputs) {
            numbered.add(
                    new Output("o" + (numbered.size() + 1), output.text(), output.provenance(), output.tokenIds()));
        }
        return numbered;
    }
}
