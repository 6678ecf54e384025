package dev.podium.training.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Evaluation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PublishRuleTest {
    @ParameterizedTest
    @CsvSource({
        // rule, before, after, pairs, floor, published
        "improved, 0.5, 0.6, 100, 0, true",
        "improved, 0.5, 0.5, 100, 0, false",
        "improved, 0.7, 0.6, 100, 0, false",
        "not_worse, 0.5, 0.41, 100, 0, true",
        "not_worse, 0.5, 0.39, 100, 0, false",
        "always, 0.9, 0.1, 100, 0.5, true",
        "improved, 0.5, 0.6, 100, 0.65, false",
        "not_worse, 0.5, 0.66, 100, 0.65, true",
        // Nineteen pairs prove nothing, but a floor is a floor.
        "improved, 0.7, 0.6, 19, 0, true",
        "improved, 0.5, 0.6, 19, 0.65, false"
    })
    void anAccuracyIsHeldToItsRule(
            String rule, double before, double after, int pairs, double floor, boolean published) {
        Evaluation.Verdict verdict = new PublishRule(
                        rule, "heldout_accuracy", before, after, true, 1 / Math.sqrt(pairs), pairs, floor)
                .verdict()
                .orElseThrow();

        assertEquals(published, verdict.passed(), verdict.reason());
        assertTrue(verdict.reason().contains("heldout_accuracy is " + after + " on " + pairs), verdict.reason());
    }

    @ParameterizedTest
    @CsvSource({
        "improved, 2.0, 1.9, true",
        "improved, 2.0, 2.01, false",
        "not_worse, 2.0, 2.03, true",
        "not_worse, 2.0, 2.05, false"
    })
    void aLossIsBetterWhenItIsLower(String rule, double before, double after, boolean published) {
        assertEquals(
                published,
                new PublishRule(rule, "heldout_loss_after", before, after, false, 0.04, 50, 0)
                        .verdict()
                        .orElseThrow()
                        .passed());
    }

    @Test
    void withoutHeldOutDataThereIsNoVerdictUnlessAFloorAsksForOne() {
        PublishRule nothing = new PublishRule("improved", "heldout_accuracy", 0.5, Double.NaN, true, 1, 0, 0);
        PublishRule floor = new PublishRule("improved", "heldout_accuracy", 0.5, Double.NaN, true, 1, 0, 0.7);

        assertTrue(nothing.verdict().isEmpty());
        assertFalse(floor.verdict().orElseThrow().passed());
    }

    @ParameterizedTest
    @CsvSource({
        "improved, 2.0, NaN, 100",
        "not_worse, 2.0, Infinity, 100",
        "not_worse, NaN, 2.0, 100",
        // So few prove nothing about a number, but that it is none.
        "not_worse, 2.0, NaN, 1"
    })
    void whatIsNotANumberFails(String rule, double before, double after, int records) {
        Evaluation.Verdict verdict = new PublishRule(
                        rule, "heldout_loss_after", before, after, false, 0.02 * before, records, 0)
                .verdict()
                .orElseThrow();

        assertFalse(verdict.passed());
        assertTrue(verdict.reason().contains("is not finite"), verdict.reason());
    }

    @Test
    void alwaysPublishesWhatIsNotANumber() {
        assertTrue(new PublishRule("always", "heldout_loss_after", 2, Double.NaN, false, 0.04, 100, 0)
                .verdict()
                .isEmpty());
    }
}
