package dev.podium.training.sample;

import dev.podium.contracts.Output;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.SampleSet;
import dev.podium.contracts.Task;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.Seeds;
import dev.podium.training.checkpoint.Checkpoints;
import dev.podium.training.loop.LossCurve;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.rollout.CompletionSource;
import dev.podium.training.rollout.RolloutSettings;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;

/**
 * K fresh outputs for each prompt, from the base model, from an adapter, or from several of them without telling the
 * labeler. The prompts are taken as they come, or those on which a reward ensemble disagrees.
 *
 * <p>Several sources draw in the same way and without a look at one another: the texts of one source are different, two
 * sources may write the same. So of two equally good sources each wins half of the comparisons (ADR 76).
 *
 * <p>Sampled here, an output is a function of seed, prompt and position. A step is stored before its checkpoint is: a
 * round that is killed goes on behind its last one, and what it sends again has the same content under the same index.
 * A rollout server does not repeat itself: after a kill a set may be sent twice with different texts, and the first that
 * was stored is the task.
 */
public final class SampleTrainer implements Trainer {
    /** Prompts that are sampled together, and reported together. */
    private static final int PROMPTS_PER_STEP = 16;

    /** Further draws for a prompt whose outputs came out equal. */
    private static final int MOST_REDRAWS = 3;

    /** More than the redraws of a source. */
    private static final int STREAM_OF_SOURCE = 100;

    private static final long SHARE_STREAM = 109;

    private static final String SENT = "prompts";
    private static final String OUTPUTS = "outputs";
    private static final String SCORE = "score.";

    private final Clock clock;
    private final RolloutSettings rollouts;

    /** Samples in this process. */
    public SampleTrainer(Clock clock) {
        this(clock, RolloutSettings.LOCAL);
    }

    /** @param rollouts where completions come from */
    public SampleTrainer(Clock clock, RolloutSettings rollouts) {
        this.clock = clock;
        this.rollouts = rollouts;
    }

    /** @param version of the adapter that is merged in; empty: the base model */
    private record Source(CompletionSource completions, Optional<String> version) {}

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        RoundConfig.Sample config = (RoundConfig.Sample) context.command().config();
        PromptTokenizer tokenizer =
                new PromptTokenizer(context.base(), context.base().config().maxPositions());
        Pool pool = Pool.of(context, tokenizer, config);
        int scoring = config.selects() ? Math.ceilDiv(pool.prompts().size(), PROMPTS_PER_STEP) : 0;
        int totalSteps = scoring + Math.ceilDiv(pool.wanted(config), PROMPTS_PER_STEP);
        Checkpoints checkpoints = new Checkpoints(context.workDir());
        LossCurve progress = new LossCurve();
        int start = checkpoints.resume(List.of(), List.of(), progress);
        Optional<LoraAdapter> adapter = RoundStart.initialAdapter(context);
        Optional<LoraAdapter> other = Optional.empty();
        List<Source> sources = new ArrayList<>();
        try {
            other = RoundStart.mixAdapter(context);
            sources.add(source(
                    context, adapter, adapter.flatMap(a -> context.command().initialAdapter())));
            if (config.mixWithBase() && adapter.isPresent()) {
                sources.add(source(context, Optional.empty(), Optional.empty()));
            }
            if (other.isPresent()) {
                sources.add(source(context, other, Optional.of(config.mixWith())));
            }
            RoundStart.report(
                    context,
                    List.of(),
                    Map.of(
                            "tasks", (double) pool.wanted(config),
                            "pool", (double) pool.prompts().size(),
                            "tooLong", (double) pool.tooLong()),
                    start,
                    totalSteps);
            StepReporter reporter = new StepReporter(context.reporter(), start, totalSteps, System::nanoTime);
            List<Pool.Prompt> prompts = config.selects()
                    ? select(
                            context,
                            tokenizer,
                            config,
                            pool,
                            sources.getFirst(),
                            start,
                            checkpoints,
                            progress,
                            reporter)
                    : pool.prompts();
            long began = System.nanoTime();
            long tokens = 0;
            for (int step = Math.max(start, scoring); step < totalSteps; step++) {
                context.checkCancelled(step);
                List<SampleSet> sets = sample(context, tokenizer, config, sources, part(prompts, step - scoring), step);
                for (SampleSet set : sets) {
                    context.reporter().sample(set);
                    add(progress, SENT, 1);
                    add(progress, OUTPUTS, set.outputs().size());
                    tokens += set.outputs().stream()
                            .mapToInt(o -> o.tokenIds().size())
                            .sum();
                }
                reporter.step(
                        step + 1,
                        Map.of(
                                SENT,
                                noted(progress, SENT),
                                OUTPUTS,
                                noted(progress, OUTPUTS),
                                "tokens_per_second",
                                tokens / ((System.nanoTime() - began) / 1e9)));
                // A set that was not stored because the round is being stopped must be sent again.
                context.checkCancelled(step);
                save(context, checkpoints, progress, step + 1);
            }
            Map<String, Double> metrics = new LinkedHashMap<>();
            metrics.put(SENT, noted(progress, SENT));
            metrics.put(OUTPUTS, noted(progress, OUTPUTS));
            metrics.put("all_equal", prompts.size() - noted(progress, SENT));
            metrics.put("too_long", (double) pool.tooLong());
            if (config.selects()) {
                addSelection(metrics, prompts, progress, pool);
            }
            return new RoundResult(Optional.empty(), metrics);
        } finally {
            sources.forEach(source -> source.completions().close());
            adapter.ifPresent(LoraAdapter::close);
            other.ifPresent(LoraAdapter::close);
        }
    }

    private Source source(RoundContext context, Optional<LoraAdapter> adapter, Optional<String> version) {
        return new Source(rollouts.source(context, adapter, version), version);
    }

    private static <T> List<T> part(List<T> all, int step) {
        return all.subList(step * PROMPTS_PER_STEP, Math.min(all.size(), (step + 1) * PROMPTS_PER_STEP));
    }

    private static double noted(LossCurve progress, String name) {
        return progress.note(name).orElse(0);
    }

    private static void add(LossCurve progress, String name, double more) {
        progress.note(name, noted(progress, name) + more);
    }

    private static void save(RoundContext context, Checkpoints checkpoints, LossCurve progress, int step) {
        checkpoints.save(step, List.of(), List.of(), progress);
        context.reporter().checkpointed(step);
    }

    /** The prompts on which a reward ensemble disagrees most, and a share that is drawn whatever it says. */
    private static List<Pool.Prompt> select(
            RoundContext context,
            PromptTokenizer tokenizer,
            RoundConfig.Sample config,
            Pool pool,
            Source source,
            int start,
            Checkpoints checkpoints,
            LossCurve progress,
            StepReporter reporter)
            throws RoundFailure, RoundCancelled {
        int steps = Math.ceilDiv(pool.prompts().size(), PROMPTS_PER_STEP);
        if (start < steps) {
            try (Disagreement disagreement = Disagreement.open(context, config)) {
                for (int step = start; step < steps; step++) {
                    context.checkCancelled(step);
                    List<Pool.Prompt> some = part(pool.prompts(), step);
                    double[] scores = disagreement.scores(source.completions(), tokenizer, context, some, step);
                    for (int i = 0; i < scores.length; i++) {
                        progress.note(SCORE + some.get(i).index(), scores[i]);
                    }
                    reporter.step(
                            step + 1,
                            Map.of(
                                    "disagreement",
                                    Arrays.stream(scores).average().orElse(0)));
                    save(context, checkpoints, progress, step + 1);
                }
            } catch (CancellationException e) {
                throw new RoundCancelled(start);
            }
        }
        return pool.selected(config, scores(progress, pool));
    }

    private static double[] scores(LossCurve progress, Pool pool) {
        return pool.prompts().stream()
                .mapToDouble(prompt -> noted(progress, SCORE + prompt.index()))
                .toArray();
    }

    private static void addSelection(
            Map<String, Double> metrics, List<Pool.Prompt> prompts, LossCurve progress, Pool pool) {
        metrics.put("pool", (double) pool.prompts().size());
        metrics.put(
                "disagreement_pool",
                Arrays.stream(scores(progress, pool)).average().orElse(0));
        for (String reason : List.of(Task.Selection.DISAGREEMENT, Task.Selection.UNIFORM)) {
            List<Task.Selection> chosen = prompts.stream()
                    .flatMap(prompt -> prompt.why().stream())
                    .filter(why -> why.reason().equals(reason))
                    .toList();
            metrics.put("selected_" + reason, (double) chosen.size());
            chosen.stream()
                    .mapToDouble(Task.Selection::score)
                    .average()
                    .ifPresent(mean -> metrics.put("disagreement_" + reason, mean));
        }
    }

    /** The sets of some prompts; one whose outputs are all equal, whoever wrote them, is left out. */
    private List<SampleSet> sample(
            RoundContext context,
            PromptTokenizer tokenizer,
            RoundConfig.Sample config,
            List<Source> sources,
            List<Pool.Prompt> prompts,
            int step)
            throws RoundCancelled, RoundFailure {
        List<List<Output>> drawn = new ArrayList<>();
        prompts.forEach(prompt -> drawn.add(new ArrayList<>()));
        try {
            for (int s = 0; s < sources.size(); s++) {
                int source = s;
                int[] wanted = prompts.stream()
                        .mapToInt(prompt -> share(config, prompt, source, sources.size()))
                        .toArray();
                List<Map<String, Output>> own =
                        draw(context, tokenizer, config, sources.get(s), prompts, wanted, STREAM_OF_SOURCE * s);
                for (int i = 0; i < own.size(); i++) {
                    drawn.get(i).addAll(own.get(i).values());
                }
            }
        } catch (CancellationException e) {
            throw new RoundCancelled(step);
        }
        List<SampleSet> sets = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            List<Output> outputs = drawn.get(i);
            if (outputs.stream().map(output -> output.text().strip()).distinct().count() < 2) {
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
                    clock.instant(),
                    prompts.get(i).group(),
                    prompts.get(i).why()));
        }
        return sets;
    }

    /** How many outputs a source makes; what cannot be divided falls to sources that are drawn for each prompt anew. */
    private static int share(RoundConfig.Sample config, Pool.Prompt prompt, int source, int sources) {
        int each = config.outputsPerPrompt() / sources;
        int left = config.outputsPerPrompt() % sources;
        int first = new SplittableRandom(Seeds.mix(config.seed() ^ SHARE_STREAM, prompt.index())).nextInt(sources);
        return each + (Math.floorMod(source - first, sources) < left ? 1 : 0);
    }

    /** As many different texts of each prompt as are wanted, drawn again where they came out equal. */
    private List<Map<String, Output>> draw(
            RoundContext context,
            PromptTokenizer tokenizer,
            RoundConfig.Sample config,
            Source source,
            List<Pool.Prompt> prompts,
            int[] wanted,
            int stream)
            throws RoundFailure {
        List<Map<String, Output>> drawn = new ArrayList<>();
        prompts.forEach(prompt -> drawn.add(new LinkedHashMap<>()));
        for (int attempt = 0; attempt <= MOST_REDRAWS; attempt++) {
            List<Integer> open = new ArrayList<>();
            int missing = 0;
            for (int i = 0; i < prompts.size(); i++) {
                if (drawn.get(i).size() < wanted[i]) {
                    open.add(i);
                    missing = Math.max(missing, wanted[i] - drawn.get(i).size());
                }
            }
            if (open.isEmpty()) {
                return drawn;
            }
            long seed = Seeds.mix(config.seed(), (prompts.getFirst().index() * 1_000L + stream) + attempt);
            SamplingParameters parameters = new SamplingParameters(
                    config.temperature(), config.topK(), config.topP(), config.maxNewTokens(), seed);
            List<List<Completion>> completions = source.completions()
                    .generate(
                            open.stream().map(i -> prompts.get(i).tokens()).toList(),
                            missing,
                            parameters,
                            tokenizer.endIds(),
                            context.cancelled());
            for (int j = 0; j < open.size(); j++) {
                Map<String, Output> outputs = drawn.get(open.get(j));
                for (Completion completion : completions.get(j)) {
                    Output output = output(context, tokenizer, source.version(), parameters, completion);
                    if (outputs.size() < wanted[open.get(j)] && !output.text().isBlank()) {
                        outputs.putIfAbsent(output.text().strip(), output);
                    }
                }
            }
        }
        return drawn;
    }

    private static Output output(
            RoundContext context,
            PromptTokenizer tokenizer,
            Optional<String> adapterVersion,
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
                        adapterVersion,
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
