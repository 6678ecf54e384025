package dev.podium.training.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PolicyLossTest {
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void clippedLossesAreThoseOfAPlainLoop() {
        Random random = new Random(3);
        int n = 50;
        double[] logp = random.doubles(n, -2, 0).toArray();
        double[] old = random.doubles(n, -2, 0).toArray();
        double[] advantages = random.doubles(n, -1, 1).toArray();
        double[] values = random.doubles(n, -1, 1).toArray();
        double[] oldValues = random.doubles(n, -1, 1).toArray();
        double[] returns = random.doubles(n, -1, 1).toArray();
        double[] mask = random.doubles(n).map(x -> x < .7 ? 1 : 0).toArray();
        double tokens = java.util.Arrays.stream(mask).sum();
        double policy = 0;
        double value = 0;
        for (int t = 0; t < n; t++) {
            double rho = Math.exp(logp[t] - old[t]);
            policy += mask[t] * Math.max(-advantages[t] * rho, -advantages[t] * Math.clamp(rho, .8, 1.2));
            double clipped = Math.clamp(values[t], oldValues[t] - .2, oldValues[t] + .2);
            value += mask[t] * Math.max(Math.pow(values[t] - returns[t], 2), Math.pow(clipped - returns[t], 2));
        }
        NDArray ratio = PolicyLoss.ratio(manager.create(logp), manager.create(old));
        assertEquals(
                policy / tokens,
                PolicyLoss.clippedPolicy(ratio, manager.create(advantages), manager.create(mask), .2, tokens)
                        .getDouble(),
                1e-12);
        assertEquals(
                .5 * value / tokens,
                PolicyLoss.clippedValue(
                                manager.create(values),
                                manager.create(oldValues),
                                manager.create(returns),
                                manager.create(mask),
                                .2,
                                tokens)
                        .getDouble(),
                1e-12);
    }

    @Test
    void gradientsAreThoseOfFiniteDifferences() {
        NDArray old = manager.create(new double[] {-1, -1, -1, -1});
        NDArray advantages = manager.create(new double[] {1, 1, -1, -1});
        NDArray mask = manager.create(new double[] {1, 1, 1, 1});
        // Inside and outside the clip range on both sides, away from the corners.
        Gradients.check(
                manager,
                new double[] {-1.05, -.5, -.95, -1.8},
                x -> PolicyLoss.clippedPolicy(PolicyLoss.ratio(x, old), advantages, mask, .2, 4));
        Gradients.check(
                manager,
                new double[] {-1.05, -.5, -.95, -1.8},
                x -> PolicyLoss.clippedValue(x, old, advantages, mask, .2, 4));
    }

    @Test
    void beyondTheClipRangeInItsFavourATokenHasNoGradient() {
        NDArray old = manager.create(new double[] {-1});
        NDArray one = manager.create(new double[] {1});
        double[] gradient = Gradients.ofVector(
                manager, new double[] {-.5}, x -> PolicyLoss.clippedPolicy(PolicyLoss.ratio(x, old), one, one, .2, 1));
        assertEquals(0, gradient[0]);
    }

    @Test
    void aRatioOfStrangersStaysFinite() {
        NDArray ratio = PolicyLoss.ratio(manager.create(new float[] {0}), manager.create(new float[] {-1e6f}));
        assertTrue(Float.isFinite(ratio.getFloat(0)));
    }

    @Test
    void crossEntropyCountsMaskedTokensOnly() {
        NDArray logp = manager.create(new double[] {-1, -2, -4});
        NDArray mask = manager.create(new double[] {1, 0, 1});
        assertEquals(2.5, TokenLoss.crossEntropy(logp, mask, 2).getDouble(), 1e-12);
        Gradients.check(manager, new double[] {-1, -2, -4}, x -> TokenLoss.crossEntropy(x, mask, 2));
    }
}
