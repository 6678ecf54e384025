package dev.podium.training.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.optim.AdamW;
import dev.podium.training.TinyRound;
import dev.podium.training.round.RoundFailure;
import org.junit.jupiter.api.Test;

class NonFiniteGuardTest {
    @Test
    void aStepThatIsNotFiniteIsSkippedAndTheThirdInARowEndsTheRound() throws Exception {
        try (TinyRound round = new TinyRound();
                LoraAdapter adapter = RoundStart.newAdapter(round.model, TinyRound.LORA, 1);
                AdamW optimizer = new AdamW(round.model, adapter.parameters())) {
            String name = adapter.parameters().getFirst().name();
            float[] before = adapter.export().get(name);
            NonFiniteGuard guard = new NonFiniteGuard();

            guard.step(optimizer, 1e-2, 1, Double.NaN, 0);
            guard.step(optimizer, 1e-2, 1, Double.POSITIVE_INFINITY, 1);
            guard.step(optimizer, 1e-2, 1, 0.5, 2);
            guard.step(optimizer, 1e-2, 1, Double.NaN, 3);
            guard.step(optimizer, 1e-2, 1, Double.NaN, 4);
            RoundFailure failure =
                    assertThrows(RoundFailure.class, () -> guard.step(optimizer, 1e-2, 1, Double.NaN, 5));

            assertEquals("not_finite", failure.code());
            assertEquals(5, guard.skipped());
            assertArrayEquals(before, adapter.export().get(name));
        }
    }
}
