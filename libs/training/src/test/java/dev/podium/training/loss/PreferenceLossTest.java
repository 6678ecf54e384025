package dev.podium.training.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.podium.contracts.RoundConfig;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PreferenceLossTest {
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
    void everyLossThatAConfigurationMayNameIsBuilt() {
        assertEquals(
                RoundConfig.Dpo.PAIR_LOSSES,
                Arrays.stream(PreferenceLoss.values())
                        .map(PreferenceLoss::label)
                        .toList());
    }

    @Test
    void eachLossHasItsValueByHand() {
        // c 2, r -1, |c| 5, |r| 4, from the formulas in float64.
        Map<PreferenceLoss, Double> golden = Map.ofEntries(
                Map.entry(PreferenceLoss.SIGMOID, .55435524),
                Map.entry(PreferenceLoss.HINGE, .7),
                Map.entry(PreferenceLoss.IPO, 18.9225),
                Map.entry(PreferenceLoss.SIGMOID_NORM, .66117521),
                Map.entry(PreferenceLoss.CDPO, .58435524),
                Map.entry(PreferenceLoss.ROBUST, .51685524),
                Map.entry(PreferenceLoss.EXO_PAIR, .35838339),
                Map.entry(PreferenceLoss.NCA_PAIR, 1.31940663),
                Map.entry(PreferenceLoss.BCO_PAIR, 1.24253553),
                Map.entry(PreferenceLoss.SPPO_HARD, 25.0),
                Map.entry(PreferenceLoss.APO_ZERO, .92518682),
                Map.entry(PreferenceLoss.APO_DOWN, .97539148),
                Map.entry(PreferenceLoss.DISCOPOP, .74035717));
        golden.forEach((loss, expected) -> assertEquals(
                expected,
                loss.perPair(pairs(vector(2 - 7.0), vector(-1 - 6.0), -7, -6, 5, 4), 0.1, 0.1)
                        .getDouble(0),
                1e-7,
                loss.label()));
    }

    @Test
    void withoutAChangeOfThePolicyTheLossIsLogTwo() {
        NDArray loss = PreferenceLoss.SIGMOID.perPair(pairs(vector(-7), vector(-6), -7, -6, 5, 4), 0.1, 0);
        assertEquals(Math.log(2), loss.getDouble(0), 1e-12);
    }

    @ParameterizedTest
    @EnumSource(PreferenceLoss.class)
    void gradientsAreThoseOfFiniteDifferences(PreferenceLoss loss) {
        double[] logProbabilities = {-5.0, -7.1};
        Gradients.check(
                manager,
                logProbabilities,
                x -> loss.perPair(pairs(x.get("0:1"), x.get("1:2"), -6.2, -5.9, 5, 4), 0.1, 0.1)
                        .sum());
    }

    @ParameterizedTest
    @EnumSource(PreferenceLoss.class)
    void extremesStayFinite(PreferenceLoss loss) {
        for (double size : new double[] {-3000, -1e-3, 0, 1e-3, 3000}) {
            NDArray chosen = vector(Math.min(0, size) - 1).toType(DataType.FLOAT32, false);
            NDArray rejected = vector(Math.min(0, -size) - 1).toType(DataType.FLOAT32, false);
            NDArray zero = chosen.zerosLike();
            NDArray one = chosen.onesLike();
            NDArray value = loss.perPair(new PairLogProbabilities(chosen, rejected, zero, zero, one, one), 0.1, 0.1);
            assertTrue(Float.isFinite(value.getFloat(0)), loss.label() + " at " + size);
        }
    }

    @Test
    void sigmoidKeepsItsGradientWhereThePairIsWrongByFar() {
        double[] gradient = Gradients.ofVector(
                manager,
                new double[] {-20000},
                x -> PreferenceLoss.SIGMOID
                        .perPair(pairs(x, vector(0), 0, 0, 1, 1), 0.1, 0)
                        .sum());
        assertEquals(-0.1, gradient[0], 1e-9);
    }

    @Test
    void exoRefusesASmoothingOfZero() {
        assertThrows(
                IllegalArgumentException.class,
                () -> PreferenceLoss.EXO_PAIR.perPair(pairs(vector(0), vector(0), 0, 0, 1, 1), 0.1, 0));
    }

    @Test
    void lossesAreFoundByTrlsName() {
        assertEquals(Optional.of(PreferenceLoss.APO_ZERO), PreferenceLoss.of("apo_zero"));
        assertEquals(Optional.empty(), PreferenceLoss.of("no_such_loss"));
    }

    @Test
    void microBatchesAddUpToTheWholeBatch() {
        NDArray losses = manager.create(new double[] {1, 2, 4});
        NDArray weights = manager.create(new double[] {.5, .5, 1});
        double whole = Reduction.weightedMean(losses, weights, 2).getDouble();
        double parts =
                Reduction.weightedMean(losses.get("0:1"), weights.get("0:1"), 2).getDouble()
                        + Reduction.weightedMean(losses.get("1:3"), weights.get("1:3"), 2)
                                .getDouble();
        assertEquals((.5 + 1 + 4) / 2, whole, 1e-12);
        assertEquals(whole, parts, 1e-12);
    }

    private NDArray vector(double value) {
        return manager.create(new double[] {value});
    }

    private PairLogProbabilities pairs(
            NDArray chosen,
            NDArray rejected,
            double referenceChosen,
            double referenceRejected,
            double chosenLength,
            double rejectedLength) {
        return new PairLogProbabilities(
                chosen,
                rejected,
                vector(referenceChosen),
                vector(referenceRejected),
                vector(chosenLength),
                vector(rejectedLength));
    }
}
