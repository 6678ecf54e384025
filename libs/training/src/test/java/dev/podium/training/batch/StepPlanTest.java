package dev.podium.training.batch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.model.TokenBatch.Sequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StepPlanTest {
    @Test
    void anEpochTakesEachElementOnce() {
        StepPlan plan = StepPlan.ofEpochs(10, 4, 2, 5);
        assertEquals(6, plan.totalSteps());
        for (int epoch = 0; epoch < 2; epoch++) {
            int first = 3 * epoch;
            int[] all = IntStream.range(first, first + 3)
                    .flatMap(step -> Arrays.stream(plan.indexes(step)))
                    .sorted()
                    .toArray();
            assertArrayEquals(IntStream.range(0, 10).toArray(), all);
        }
    }

    @Test
    void epochsAreShuffledDifferentlyAndAlikeForOneSeed() {
        StepPlan plan = StepPlan.ofEpochs(100, 100, 2, 5);
        assertFalse(Arrays.equals(plan.indexes(0), plan.indexes(1)));
        assertArrayEquals(plan.indexes(1), StepPlan.ofEpochs(100, 100, 2, 5).indexes(1));
        assertFalse(
                Arrays.equals(plan.indexes(0), StepPlan.ofEpochs(100, 100, 2, 6).indexes(0)));
    }

    @Test
    void aTotalFillsStepsAcrossEpochs() {
        StepPlan plan = StepPlan.ofTotal(6, 32, 20, 1);
        assertEquals(6, plan.batch());
        assertEquals(4, plan.totalSteps());
    }

    @Test
    void microBatchesKeepToTheLimitAndLoseNothing() {
        List<Sequence> rows = IntStream.range(1, 30)
                .mapToObj(n -> new Sequence(new int[] {1}, new int[n]))
                .toList();
        List<List<Integer>> parts = MicroBatches.ofSequences(rows, 60);
        List<Integer> all = new ArrayList<>();
        for (List<Integer> part : parts) {
            int tokens = TokenBatch.tokens(part.stream().map(rows::get).toList());
            assertEquals(true, tokens <= 60, part.toString());
            all.addAll(part);
        }
        all.sort(null);
        assertEquals(IntStream.range(0, 29).boxed().toList(), all);
    }
}
