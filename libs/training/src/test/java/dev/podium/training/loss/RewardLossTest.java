package dev.podium.training.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RewardLossTest {
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
    void valuesByHand() {
        assertEquals(.31326169, loss(1.5, .5, 0, 0, 0), 1e-8);
        assertEquals(.40318605, loss(1.5, .5, .3, 0, 0), 1e-8);
        assertEquals(.35326169, loss(1.5, .5, 0, .01, 0), 1e-8);
        assertEquals(.9 * .31326169 + .1 * 1.31326169, loss(1.5, .5, 0, 0, .1), 1e-8);
    }

    @Test
    void aPlainLoopGivesTheSame() {
        double[] c = {1.5, -2, 0.3};
        double[] r = {0.5, 4, 0.3};
        double[] m = {0, 0.5, 0.1};
        NDArray losses = RewardLoss.bradleyTerry(manager.create(c), manager.create(r), manager.create(m), 0.01, 0.05);
        for (int i = 0; i < 3; i++) {
            double d = c[i] - r[i] - m[i];
            double expected = -0.95 * Math.log(1 / (1 + Math.exp(-d)))
                    - 0.05 * Math.log(1 / (1 + Math.exp(d)))
                    + 0.01 * (c[i] + r[i]) * (c[i] + r[i]);
            assertEquals(expected, losses.getDouble(i), 1e-8);
        }
    }

    @Test
    void gradientsAreThoseOfFiniteDifferences() {
        Gradients.check(
                manager,
                new double[] {1.5, .5, -.2, 3},
                x -> RewardLoss.bradleyTerry(
                                x.get("0:2"), x.get("2:4"), manager.create(new double[] {.3, 0}), 0.01, 0.1)
                        .sum());
    }

    @Test
    void rewardsFarApartStayFinite() {
        assertEquals(0, loss(1e6, -1e6, 0, 0, 0), 1e-12);
        assertEquals(2e6, loss(-1e6, 1e6, 0, 0, 0), 1e-3);
        float inFloat32 = RewardLoss.bradleyTerry(
                        manager.create(new float[] {-1e6f}),
                        manager.create(new float[] {1e6f}),
                        manager.create(new float[] {0}),
                        0,
                        0)
                .getFloat(0);
        assertTrue(Float.isFinite(inFloat32));
    }

    @Test
    void davidsonsThreeOutcomesAreCertainTogetherAndWithoutTiesItIsBradleyTerry() {
        for (double d : new double[] {-3, 0, .7, 12}) {
            double total =
                    Math.exp(-davidson(d, 0, .8)) + Math.exp(-davidson(-d, 0, .8)) + Math.exp(-davidson(d, 1, .8));
            assertEquals(1, total, 1e-12);
            assertEquals(loss(d, 0, 0, 0, 0), davidson(d, 0, 1e-12), 1e-9);
        }
        double a = Math.exp(1.2);
        double b = Math.exp(-.3);
        double z = a + b + .8 * Math.sqrt(a * b);
        assertEquals(-Math.log(a / z), davidson(1.5, 0, .8), 1e-12);
        assertEquals(-Math.log(.8 * Math.sqrt(a * b) / z), davidson(1.5, 1, .8), 1e-12);
    }

    @Test
    void davidsonsGradientsAreThoseOfFiniteDifferences() {
        Gradients.check(
                manager,
                new double[] {1.5, -.4, .2},
                x -> RewardLoss.davidson(x, manager.create(new double[] {0, 1, 0}), .8)
                        .sum());
    }

    @Test
    void davidsonStaysFiniteFarApart() {
        assertEquals(1e6, davidson(-1e6, 0, .8), 1e-3);
        assertEquals(5e5, davidson(1e6, 1, .8), 1);
    }

    @Test
    void equalOutputsTieAsOftenAsPairsDid() {
        double v = RewardLoss.tieStrength(.25);
        assertEquals(.25, Math.exp(-davidson(0, 1, v)), 1e-12);
        assertEquals(100, RewardLoss.tieStrength(1), 0);
    }

    private double davidson(double difference, double tied, double tieStrength) {
        return RewardLoss.davidson(
                        manager.create(new double[] {difference}), manager.create(new double[] {tied}), tieStrength)
                .getDouble(0);
    }

    private double loss(double chosen, double rejected, double margin, double centering, double smoothing) {
        return RewardLoss.bradleyTerry(
                        manager.create(new double[] {chosen}),
                        manager.create(new double[] {rejected}),
                        manager.create(new double[] {margin}),
                        centering,
                        smoothing)
                .getDouble(0);
    }
}
