package dev.podium.llm.generate;

import dev.podium.llm.model.Adapter;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import java.util.random.RandomGenerator;

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
        private final List<Integer> tokens = new ArrayList<>();
        private final List<Float> logProbabilities = new ArrayList<>();
        private Completion.FinishReason reason = Completion.FinishReason.LENGTH;

        Row(RandomGenerator random) {
            this.random = random;
        }

        Completion completion() {
            float[] values = new float[logProbabilities.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = logProbabilities.get(i);
            }
            return new Completion(tokens.stream().mapToInt(Integer::intValue).toArray(), values, reason);
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
            this.sampler = new TokenSampler(parameters);
            for (int p = 0; p < prompts.size(); p++) {
                for (int s = 0; s < samples; s++) {
                    long seed = (parameters.seed() * 1_000_003 + firstPrompt + p) * 1_000_003 + s;
                    rows.add(new Row(new SplittableRandom(seed)));
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
                float[] logits = repeated(prefilled.logits().toFloatArray());
                decoding.select(repeatedRows());
                List<Row> active = rows;
                for (int step = 0; step < parameters.maxNewTokens(); step++) {
                    List<Row> next = draw(active, logits);
                    if (next.isEmpty() || step + 1 == parameters.maxNewTokens()) {
                        next.forEach(row -> finished.run());
                        return;
                    }
                    if (next.size() < active.size()) {
                        decoding.select(positions(active, next));
                        active = next;
                    }
                    logits = step(decoding, active);
                }
            }
        }

        private float[] step(CausalLM.Decoding decoding, List<Row> active) {
            try (TensorScope scope = new TensorScope()) {
                long[] last =
                        active.stream().mapToLong(row -> row.tokens.getLast()).toArray();
                return decoding.step(last).toFloatArray();
            }
        }

        /** Draws a token for each row; returns those that go on. */
        private List<Row> draw(List<Row> active, float[] logits) {
            int size = model.config().vocabularySize();
            List<Row> next = new ArrayList<>();
            for (int i = 0; i < active.size(); i++) {
                Row row = active.get(i);
                int token = sampler.draw(logits, i * size, size, row.random);
                row.tokens.add(token);
                row.logProbabilities.add(TokenSampler.logProbability(logits, i * size, size, token));
                if (isEnd(token)) {
                    row.reason = Completion.FinishReason.STOP;
                    finished.run();
                } else {
                    next.add(row);
                }
            }
            return next;
        }

        private boolean isEnd(int token) {
            for (int end : endIds) {
                if (end == token) {
                    return true;
                }
            }
            return false;
        }

        private int[] repeatedRows() {
            int[] index = new int[prompts.size() * samples];
            for (int i = 0; i < index.length; i++) {
                index[i] = i / samples;
            }
            return index;
        }

        private float[] repeated(float[] logits) {
            int size = model.config().vocabularySize();
            float[] all = new float[prompts.size() * samples * size];
            for (int i = 0; i < prompts.size() * samples; i++) {
                System.arraycopy(logits, i / samples * size, all, i * size, size);
            }
            return all;
        }

        private static int[] positions(List<Row> active, List<Row> kept) {
            int[] index = new int[kept.size()];
            int k = 0;
            for (int i = 0; i < active.size() && k < index.length; i++) {
                if (active.get(i) == kept.get(k)) {
                    index[k++] = i;
                }
            }
            return index;
        }
    }
}
