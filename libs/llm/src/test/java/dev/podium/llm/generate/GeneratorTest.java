package dev.podium.llm.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.SafetensorsFile;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.LoraConfig;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.model.TinyModel;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import dev.podium.llm.torch.TensorScope;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GeneratorTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");
    private static final int[] NO_END = {};

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-qwen2", "tiny-qwen3"})
    void sampledLogProbabilitiesEqualATrainingForwardWithTheAdapter(String family) throws IOException {
        Path folder = GOLDEN.resolve(family);
        ModelConfig config = ModelConfig.parse(Files.readAllBytes(folder.resolve("config.json")));
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("model.safetensors"));
                CausalLM model = CausalLM.load(config, weights, TinyModel.runtime());
                LoraAdapter adapter = randomAdapter(model);
                Generator generator = new Generator(model, Optional.of(adapter))) {
            List<int[]> prompts = List.of(new int[] {3, 4, 5, 6, 9, 2}, new int[] {7}, new int[] {8, 8, 2});
            var sampled = generator.generate(prompts, 3, new SamplingParameters(1.3, 0, 1.0, 15, 4), new int[] {1});
            for (int p = 0; p < prompts.size(); p++) {
                for (Completion completion : sampled.get(p)) {
                    try (TensorScope scope = new TensorScope()) {
                        float[] expected = TokenBatch.of(
                                        model, List.of(new Sequence(prompts.get(p), completion.tokenIds())))
                                .tokenLogProbabilities(model, Optional.of(adapter))
                                .toFloatArray();
                        assertArrayEquals(expected, completion.logProbabilities(), 1e-4f);
                    }
                }
            }
        }
    }

    private static LoraAdapter randomAdapter(CausalLM model) {
        Random random = new Random(5);
        LoraAdapter adapter = LoraAdapter.initialise(model, LoraConfig.onAllLinear(4, 8), new SplittableRandom(1));
        for (NamedParameter parameter : adapter.parameters()) {
            NDArray array = parameter.array();
            float[] values = new float[(int) array.size()];
            IntStream.range(0, values.length).forEach(i -> values[i] = (float) (0.2 * random.nextGaussian()));
            array.set(FloatBuffer.wrap(values));
        }
        return adapter;
    }

    /** More rows than a batch holds, of which some end early: places are taken over, and in the end given up. */
    @Test
    void promptsThatWaitedGiveWhatTheyGiveAlone() {
        try (CausalLM model = TinyModel.random(4);
                Generator generator = new Generator(model, Optional.empty())) {
            Random random = new Random(2);
            List<int[]> prompts = IntStream.range(0, 50)
                    .mapToObj(i -> random.ints(1 + random.nextInt(9), 0, 60).toArray())
                    .toList();
            int[] ends = IntStream.range(0, 6).toArray();
            SamplingParameters parameters = new SamplingParameters(1.0, 0, 1.0, 25, 8);
            var together = generator.generate(prompts, 3, parameters, ends);
            for (int p = 0; p < prompts.size(); p++) {
                // Numbers of the random generators are by the prompt's place in the list.
                List<int[]> upTo = prompts.subList(0, p + 1);
                for (int s = 0; s < 3; s++) {
                    Completion completion = together.get(p).get(s);
                    int[] tokens = completion.tokenIds();
                    boolean ended = tokens[tokens.length - 1] < 6;
                    assertEquals(ended, completion.reason() == Completion.FinishReason.STOP);
                    assertEquals(25, ended ? 25 : tokens.length);
                }
                if (p % 16 == 15) {
                    var fewer = generator.generate(upTo, 3, parameters, ends).get(p);
                    for (int s = 0; s < 3; s++) {
                        assertArrayEquals(
                                fewer.get(s).tokenIds(), together.get(p).get(s).tokenIds());
                    }
                }
            }
        }
    }

    @Test
    void moreSamplesThanRowsOfABatchAreAllDrawnAndDifferent() {
        try (CausalLM model = TinyModel.random(4);
                Generator generator = new Generator(model, Optional.empty())) {
            var drawn = generator.generate(
                    List.of(new int[] {3, 4}), 150, new SamplingParameters(1.0, 0, 1.0, 8, 8), NO_END);
            long different = drawn.getFirst().stream()
                    .map(completion -> java.util.Arrays.toString(completion.tokenIds()))
                    .distinct()
                    .count();
            assertEquals(150, drawn.getFirst().size());
            assertEquals(150, different);
        }
    }

    @Test
    void cancelledSamplingStopsAtTheNextToken() {
        try (CausalLM model = TinyModel.random(4);
                Generator generator = new Generator(model, Optional.empty())) {
            int[] asked = {0};
            assertThrows(
                    CancellationException.class,
                    () -> generator.generate(
                            List.of(new int[] {3, 4}),
                            2,
                            new SamplingParameters(1.0, 0, 1.0, 60, 8),
                            NO_END,
                            () -> ++asked[0] > 5));
            assertEquals(6, asked[0]);
        }
    }

    @Test
    void anAdapterThatChangesLaterDoesNotReachAGenerator() {
        try (CausalLM model = TinyModel.random(4);
                LoraAdapter adapter = randomAdapter(model);
                Generator before = new Generator(model, Optional.of(adapter))) {
            SamplingParameters greedy = new SamplingParameters(0, 0, 1.0, 12, 8);
            float[] first = logProbabilities(before, greedy);
            adapter.parameters()
                    .forEach(p -> p.array()
                            .set(FloatBuffer.wrap(new float[(int) p.array().size()])));
            assertArrayEquals(first, logProbabilities(before, greedy));
            try (Generator after = new Generator(model, Optional.of(adapter));
                    Generator base = new Generator(model, Optional.empty())) {
                assertArrayEquals(logProbabilities(base, greedy), logProbabilities(after, greedy), 1e-5f);
            }
        }
    }

    private static float[] logProbabilities(Generator generator, SamplingParameters parameters) {
        return generator
                .generate(List.of(new int[] {3, 4, 5}), 1, parameters, NO_END)
                .getFirst()
                .getFirst()
                .logProbabilities();
    }
}
