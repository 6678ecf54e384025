package dev.podium.llm.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.types.Shape;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TinyModel;
import dev.podium.llm.torch.TensorScope;
import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class TokenSamplerTest {
    private static final CausalLM MODEL = TinyModel.random(1);

    @AfterAll
    static void close() {
        MODEL.close();
    }

    @Test
    void temperatureZeroTakesTheMostLikelyToken() {
        float[][] logits = {{0, 3, 1}, {5, 3, 1}};
        assertArrayEquals(
                new long[] {1, 0},
                draw(new SamplingParameters(0, 0, 1, 1, 1), logits, 0.9, 0.9).tokens());
    }

    @Test
    void theNucleusIsTheSmallestSetThatReachesItsShare() {
        float[] row = {log(0.2), log(0.5), log(0.3)};
        SamplingParameters parameters = new SamplingParameters(1, 0, 0.7, 1, 1);
        assertEquals(1, draw(parameters, new float[][] {row}, 0.62).tokens()[0]);
        assertEquals(2, draw(parameters, new float[][] {row}, 0.63).tokens()[0]);
        assertEquals(2, draw(parameters, new float[][] {row}, 0.999999).tokens()[0]);
    }

    @Test
    void tokensAndLogProbabilitiesEqualAPlainLoop() {
        SplittableRandom random = new SplittableRandom(4);
        double[][] settings = {
            {1, 0, 1}, {0.7, 0, 1}, {1, 1, 1}, {0.8, 50, 1}, {1.3, 0, 0.9}, {0.8, 50, 0.95}, {1, 5000, 0.5}
        };
        for (double[] setting : settings) {
            SamplingParameters parameters = new SamplingParameters(setting[0], (int) setting[1], setting[2], 1, 1);
            // The second row is so flat that its nucleus has more tokens than are looked at first.
            float[][] logits = {row(random, 3000, 3), row(random, 3000, 0.01)};
            for (int i = 0; i < 20; i++) {
                double u = random.nextDouble();
                double v = random.nextDouble();
                TokenSampler.Draw drawn = draw(parameters, logits, u, v);
                assertEquals(plainLoop(parameters, logits[0], u), drawn.tokens()[0], parameters + " u " + u);
                assertEquals(plainLoop(parameters, logits[1], v), drawn.tokens()[1], parameters + " v " + v);
                for (int r = 0; r < 2; r++) {
                    assertEquals(logProbability(logits[r], (int) drawn.tokens()[r]), drawn.logProbabilities()[r], 1e-5);
                }
            }
        }
    }

    /** The definition, without tricks: sort, cut, add up. */
    private static int plainLoop(SamplingParameters parameters, float[] logits, double uniform) {
        boolean cut = parameters.topK() > 0 || parameters.topP() < 1;
        int[] order = IntStream.range(0, logits.length)
                .boxed()
                .sorted(cut ? Comparator.comparing(i -> -logits[i]) : Comparator.naturalOrder())
                .mapToInt(Integer::intValue)
                .toArray();
        int kept = parameters.topK() > 0 ? Math.min(parameters.topK(), order.length) : order.length;
        double[] weights = Arrays.stream(order, 0, kept)
                .mapToDouble(i -> Math.exp((float) (logits[i] / (float) parameters.temperature())))
                .toArray();
        double total = Arrays.stream(weights).sum();
        int end = 0;
        double nucleus = 0;
        while (end < kept && nucleus < parameters.topP() * total) {
            nucleus += weights[end++];
        }
        double left = uniform * nucleus;
        for (int i = 0; i < end; i++) {
            left -= weights[i];
            if (left < 0) {
                return order[i];
            }
        }
        return order[end - 1];
    }

    private static double logProbability(float[] logits, int token) {
        double total = 0;
        for (float logit : logits) {
            total += Math.exp(logit);
        }
        return logits[token] - Math.log(total);
    }

    private static float[] row(SplittableRandom random, int size, double spread) {
        float[] row = new float[size];
        for (int i = 0; i < size; i++) {
            row[i] = (float) (random.nextGaussian() * spread);
        }
        return row;
    }

    private static float log(double value) {
        return (float) Math.log(value);
    }

    private static TokenSampler.Draw draw(SamplingParameters parameters, float[][] logits, double... uniforms) {
        int size = logits[0].length;
        float[] flat = new float[logits.length * size];
        for (int r = 0; r < logits.length; r++) {
            System.arraycopy(logits[r], 0, flat, r * size, size);
        }
        TinyModel.runtime();
        try (TensorScope scope = new TensorScope()) {
            return new TokenSampler(parameters, MODEL.operations(), MODEL.runtime(), size)
                    .draw(MODEL.runtime().root().create(flat, new Shape(logits.length, size)), uniforms);
        }
    }
}
