package dev.podium.llm.generate;

import ai.djl.ndarray.NDArray;
import dev.podium.llm.model.Adapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.TorchRuntime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Samples completions in batches with a cache of keys and values. A prompt is computed once for all of its samples;
 * finished rows leave the batch. Each row has a random generator of its own, seeded by (seed, prompt, sample), so a text
 * does not depend on what else is in the batch.
 */
public final class Generator {
    /** Rows that are decoded together; bounds the cache's memory. */
    private static final int MAX_ROWS = 64;

    private final CausalLM model;

    public Generator(CausalLM model) {
        this.model = model;
    }

    /**
     * Samples several completions of each prompt.
     *
     * @param endIds tokens that end a completion
     * @param finished is told after each completion how many are done
     * @return per prompt, its completions
     */
    public List<List<Completion>> generate(
            List<int[]> prompts,
            int samplesPerPrompt,
            SamplingParameters parameters,
            Optional<? extends Adapter> adapter,
            int[] endIds,
            IntConsumer finished) {
        List<List<Completion>> all = new ArrayList<>();
        int promptsPerBatch = Math.max(1, MAX_ROWS / samplesPerPrompt);
        int[] done = {0};
        for (int from = 0; from < prompts.size(); from += promptsPerBatch) {
            List<int[]> some = prompts.subList(from, Math.min(prompts.size(), from + promptsPerBatch));
            Batch batch = new Batch(some, from, samplesPerPrompt, parameters, endIds, () -> {
                done[0]++;
                finished.accept(done[0]);
            });
            all.addAll(batch.run(adapter));
        }
        return all;
    }

    /** One row: what was drawn so far. */
    private static final class Row {
        private final RandomGenerator random;
        private final int[] tokens;
        private final float[] logProbabilities;
        private int length;
        private boolean ended;

        Row(RandomGenerator random, int capacity) {
            this.random = random;
            this.tokens = new int[capacity];
            this.logProbabilities = new float[capacity];
        }

        void add(int token, float logProbability) {
            tokens[length] = token;
            logProbabilities[length] = logProbability;
            length++;
        }

        int last() {
            return tokens[length - 1];
        }

        Completion completion() {
            return new Completion(
                    Arrays.copyOf(tokens, length),
                    Arrays.copyOf(logProbabilities, length),
                    ended ? Completion.FinishReason.STOP : Completion.FinishReason.LENGTH);
        }
    }

    private final class Batch {
        private final List<int[]> prompts;
        private final int samples;
        private final SamplingParameters parameters;
        private final int[] endIds;
        private final Runnable finished;
        private final TokenSampler sampler;
        private final List<Row> rows = new ArrayList<>();

        Batch(
                List<int[]> prompts,
                int firstPrompt,
                int samples,
                SamplingParameters parameters,
                int[] endIds,
                Runnable finished) {
            this.prompts = prompts;
            this.samples = samples;
            this.parameters = parameters;
            this.endIds = endIds;
            this.finished = finished;
            this.sampler = new TokenSampler(
                    parameters,
                    model.operations(),
                    model.runtime(),
                    model.config().vocabularySize());
            for (int p = 0; p < prompts.size(); p++) {
                for (int s = 0; s < samples; s++) {
                    long seed = (parameters.seed() * 1_000_003 + firstPrompt + p) * 1_000_003 + s;
                    rows.add(new Row(new SplittableRandom(seed), parameters.maxNewTokens()));
                }
            }
        }

        List<List<Completion>> run(Optional<? extends Adapter> adapter) {
            try (GradientMode off = GradientMode.off();
                    TensorScope scope = new TensorScope()) {
                decode(adapter);
            }
            List<List<Completion>> all = new ArrayList<>();
            for (int p = 0; p < prompts.size(); p++) {
                all.add(rows.subList(p * samples, (p + 1) * samples).stream()
                        .map(Row::completion)
                        .toList());
            }
            return all;
        }

        private void decode(Optional<? extends Adapter> adapter) {
            int longest = prompts.stream().mapToInt(p -> p.length).max().orElse(0);
            CausalLM.Prefilled prefilled = model.prefill(prompts, longest + parameters.maxNewTokens(), adapter);
            try (CausalLM.Decoding decoding = prefilled.decoding()) {
                decoding.select(promptOfEachRow());
                List<Row> held = rows;
                draw(held, model.operations().call("rows", prefilled.logits(), index(promptOfEachRow())));
                for (int step = 1; step < parameters.maxNewTokens(); step++) {
                    List<Row> active = held.stream().filter(row -> !row.ended).toList();
                    if (active.isEmpty()) {
                        return;
                    }
                    // Leaving copies the cache, so a few ended rows are carried along until a quarter has ended.
                    if (4 * active.size() <= 3 * held.size()) {
                        decoding.select(positions(held, active));
                        held = active;
                    }
                    step(decoding, held);
                }
                rows.stream().filter(row -> !row.ended).forEach(row -> finished.run());
            }
        }

        private void step(CausalLM.Decoding decoding, List<Row> held) {
            try (TensorScope scope = new TensorScope()) {
                draw(held, decoding.step(held.stream().mapToLong(Row::last).toArray()));
            }
        }

        /** Draws a token for each row that has not ended. */
        private void draw(List<Row> held, NDArray logits) {
            double[] uniforms = held.stream()
                    .mapToDouble(row -> row.ended ? 0 : row.random.nextDouble())
                    .toArray();
            TokenSampler.Draw drawn = sampler.draw(logits, uniforms);
            for (int i = 0; i < held.size(); i++) {
                Row row = held.get(i);
                if (row.ended) {
                    continue;
                }
                row.add((int) drawn.tokens()[i], drawn.logProbabilities()[i]);
                if (isEnd(row.last())) {
                    row.ended = true;
                    finished.run();
                }
            }
        }

        private boolean isEnd(int token) {
            return Arrays.stream(endIds).anyMatch(end -> end == token);
        }

        private int[] promptOfEachRow() {
            return IntStream.range(0, rows.size()).map(i -> i / samples).toArray();
        }

        private NDArray index(int[] positions) {
            return TorchRuntime.longs(
                    model.runtime().root(),
                    Arrays.stream(positions).asLongStream().toArray(),
                    positions.length);
        }

        private static int[] positions(List<Row> held, List<Row> kept) {
            return kept.stream().mapToInt(held::indexOf).toArray();
        }
    }
}
