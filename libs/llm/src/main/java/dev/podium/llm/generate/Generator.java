package dev.podium.llm.generate;

import ai.djl.ndarray.NDArray;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.model.Adapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.Decoder;
import dev.podium.llm.model.DecodingBatch;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.Operations;
import dev.podium.llm.torch.TensorScope;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Samples completions of a model with an adapter merged in, many at once. A prompt is computed once for all of its
 * samples; rows that ended leave the batch, and the next prompt enters when all samples of one have ended. Each row has a
 * random generator of its own, seeded by (seed, prompt, sample), so a text does not depend on what else is in the batch,
 * but for the last bits of the logits.
 */
public final class Generator implements AutoCloseable {
    /** Rows of a step: more make a product hardly faster, and wait for the slowest. */
    private static final int MOST_ROWS = 64;
    /** Of the keys and values of a batch. */
    private static final long MOST_CACHE_BYTES = 1L << 30;
    /** Of prompts that are computed in one pass; one longer prompt goes alone. */
    private static final int PROMPT_TOKENS = 2048;

    private final CausalLM model;
    private final Decoder decoder;

    /** Merges the adapter, or takes the base as it is; changes of the adapter after this are not seen. */
    public Generator(CausalLM model, Optional<? extends Adapter> adapter) {
        this.model = model;
        this.decoder = Decoder.of(model, adapter);
    }

    /**
     * Most that the keys and values of a batch take.
     *
     * @param longest prompt with what follows it, in tokens
     */
    public static long mostCacheBytes(ModelConfig config, int longest) {
        long ofRow = DecodingBatch.bytesPerPosition(config) * Math.min(longest, config.maxPositions());
        return Math.max(ofRow, Math.min(MOST_ROWS * ofRow, MOST_CACHE_BYTES));
    }

    /** {@link #generate(List, int, SamplingParameters, int[], BooleanSupplier)} that nothing cancels. */
    public List<List<Completion>> generate(
            List<int[]> prompts, int samplesPerPrompt, SamplingParameters parameters, int[] endIds) {
        return generate(prompts, samplesPerPrompt, parameters, endIds, () -> false);
    }

    /**
     * Samples several completions of each prompt.
     *
     * @param prompts token ids, at least one each
     * @param endIds tokens that end a completion
     * @param cancelled is asked before each token
     * @return per prompt, its completions
     * @throws CancellationException when it was cancelled
     */
    public List<List<Completion>> generate(
            List<int[]> prompts,
            int samplesPerPrompt,
            SamplingParameters parameters,
            int[] endIds,
            BooleanSupplier cancelled) {
        List<Job> jobs = jobs(prompts, samplesPerPrompt, parameters);
        if (!jobs.isEmpty()) {
            try (GradientMode off = GradientMode.off();
                    Run run = new Run(jobs, parameters, endIds, cancelled)) {
                run.toTheEnd();
            }
        }
        List<List<Completion>> all = new ArrayList<>();
        prompts.forEach(prompt -> all.add(new ArrayList<>()));
        for (Job job : jobs) {
            job.rows.forEach(row -> all.get(job.prompt).add(row.completion()));
        }
        return all;
    }

    /** A prompt and as many of its samples as go together. */
    private record Job(int prompt, int[] tokens, List<Row> rows) {
        boolean isDone() {
            return rows.stream().allMatch(row -> row.done);
        }
    }

    private static List<Job> jobs(List<int[]> prompts, int samples, SamplingParameters parameters) {
        List<Job> jobs = new ArrayList<>();
        for (int p = 0; p < prompts.size(); p++) {
            for (int from = 0; from < samples; from += MOST_ROWS) {
                long first = (parameters.seed() * 1_000_003 + p) * 1_000_003;
                List<Row> rows = IntStream.range(from, Math.min(samples, from + MOST_ROWS))
                        .mapToObj(s -> new Row(new SplittableRandom(first + s), parameters.maxNewTokens()))
                        .toList();
                jobs.add(new Job(p, prompts.get(p), rows));
            }
        }
        return jobs;
    }

    /** One sample: what was drawn so far. */
    private static final class Row {
        private final RandomGenerator random;
        private final int[] tokens;
        private final float[] logProbabilities;
        private int length;
        private boolean done;
        private boolean stopped;

        Row(RandomGenerator random, int capacity) {
            this.random = random;
            this.tokens = new int[capacity];
            this.logProbabilities = new float[capacity];
        }

        void add(int token, float logProbability, int[] endIds) {
            tokens[length] = token;
            logProbabilities[length] = logProbability;
            length++;
            stopped = Arrays.stream(endIds).anyMatch(end -> end == token);
            done = stopped || length == tokens.length;
        }

        Completion completion() {
            return new Completion(
                    Arrays.copyOf(tokens, length),
                    Arrays.copyOf(logProbabilities, length),
                    stopped ? Completion.FinishReason.STOP : Completion.FinishReason.LENGTH);
        }
    }

    /** All jobs, some of them in the batch's places. */
    private final class Run implements AutoCloseable {
        private final int[] endIds;
        private final BooleanSupplier cancelled;
        private final TokenSampler sampler;
        private final Deque<Job> waiting;
        private final int samples;
        private final DecodingBatch batch;
        /** Per place of the batch, what is there. */
        private List<@Nullable Job> placed;

        Run(List<Job> jobs, SamplingParameters parameters, int[] endIds, BooleanSupplier cancelled) {
            this.endIds = endIds;
            this.cancelled = cancelled;
            this.sampler = new TokenSampler(
                    parameters,
                    model.operations(),
                    model.runtime(),
                    model.config().vocabularySize());
            this.waiting = new ArrayDeque<>(jobs);
            this.samples = jobs.stream().mapToInt(job -> job.rows.size()).max().orElse(1);
            int longest = jobs.stream().mapToInt(job -> job.tokens.length).max().orElse(1);
            int places = Math.min(jobs.size(), places(model.config(), longest, parameters.maxNewTokens()));
            this.batch = decoder.batch(places, samples, longest, parameters.maxNewTokens());
            this.placed = new ArrayList<>(Collections.nCopies(places, null));
        }

        private int places(ModelConfig config, int longest, int newTokens) {
            long bytes = DecodingBatch.bytesPerPosition(config) * (longest + (long) samples * newTokens);
            return (int) Math.max(1, Math.min(MOST_ROWS / samples, MOST_CACHE_BYTES / bytes));
        }

        void toTheEnd() {
            while (true) {
                if (cancelled.getAsBoolean()) {
                    throw new CancellationException("sampling was cancelled");
                }
                for (List<Integer> free = free(); !free.isEmpty() && !waiting.isEmpty(); free = free()) {
                    enter(free);
                }
                List<Integer> rows = active();
                if (rows.isEmpty() && waiting.isEmpty()) {
                    return;
                }
                if (!rows.isEmpty()) {
                    step(rows);
                    makeSmaller();
                }
            }
        }

        private List<Integer> free() {
            return IntStream.range(0, placed.size())
                    .filter(place -> isFree(place))
                    .boxed()
                    .toList();
        }

        private boolean isFree(int place) {
            Job job = placed.get(place);
            return job == null || job.isDone();
        }

        /** Numbers of the rows that go on. */
        private List<Integer> active() {
            List<Integer> rows = new ArrayList<>();
            for (int place = 0; place < placed.size(); place++) {
                Job job = placed.get(place);
                for (int s = 0; job != null && s < job.rows.size(); s++) {
                    if (!job.rows.get(s).done) {
                        rows.add(place * samples + s);
                    }
                }
            }
            return rows;
        }

        private Row row(int number) {
            Job job = placed.get(number / samples);
            if (job == null) {
                throw new IllegalStateException("place " + number / samples + " is empty");
            }
            return job.rows.get(number % samples);
        }

        /** Puts waiting prompts into free places, as many as one pass may compute, and draws their first tokens. */
        private void enter(List<Integer> free) {
            List<int[]> prompts = new ArrayList<>();
            List<Row> rows = new ArrayList<>();
            List<Integer> promptOfRow = new ArrayList<>();
            int tokens = 0;
            while (prompts.size() < free.size() && !waiting.isEmpty()) {
                Job job = waiting.getFirst();
                tokens += job.tokens.length;
                if (tokens > PROMPT_TOKENS && !prompts.isEmpty()) {
                    break;
                }
                waiting.removeFirst();
                placed.set(free.get(prompts.size()), job);
                job.rows.forEach(row -> promptOfRow.add(prompts.size()));
                rows.addAll(job.rows);
                prompts.add(job.tokens);
            }
            try (TensorScope scope = new TensorScope()) {
                int[] places = free.stream()
                        .limit(prompts.size())
                        .mapToInt(Integer::intValue)
                        .toArray();
                NDArray logits = batch.enter(prompts, places);
                NDArray index = model.runtime()
                        .root()
                        .create(promptOfRow.stream()
                                .mapToLong(Integer::longValue)
                                .toArray());
                draw(rows, operations().call("rows", logits, index));
            }
        }

        private void step(List<Integer> numbers) {
            List<Row> rows = numbers.stream().map(this::row).toList();
            long[] last =
                    rows.stream().mapToLong(row -> row.tokens[row.length - 1]).toArray();
            try (TensorScope scope = new TensorScope()) {
                int[] places = numbers.stream().mapToInt(Integer::intValue).toArray();
                draw(rows, batch.step(places, last));
            }
        }

        private void draw(List<Row> rows, NDArray logits) {
            double[] uniforms =
                    rows.stream().mapToDouble(row -> row.random.nextDouble()).toArray();
            TokenSampler.Draw drawn = sampler.draw(logits, uniforms);
            for (int i = 0; i < rows.size(); i++) {
                rows.get(i).add((int) drawn.tokens()[i], drawn.logProbabilities()[i], endIds);
            }
        }

        /** Nobody waits and half of the places are done: the others go on in a batch of half the size. */
        private void makeSmaller() {
            List<Integer> free = free();
            if (!waiting.isEmpty() || free.size() == placed.size() || 2 * free.size() < placed.size()) {
                return;
            }
            int[] kept = IntStream.range(0, placed.size())
                    .filter(place -> !isFree(place))
                    .toArray();
            batch.keep(kept);
            placed = new ArrayList<>(Arrays.stream(kept).mapToObj(placed::get).toList());
        }

        @Override
        public void close() {
            batch.close();
        }
    }

    private Operations operations() {
        return model.operations();
    }

    @Override
    public void close() {
        decoder.close();
    }
}
