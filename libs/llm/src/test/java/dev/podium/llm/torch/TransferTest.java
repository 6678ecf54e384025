package dev.podium.llm.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TinyModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class TransferTest {
    private static final float[] VALUES = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

    @Test
    void valuesGoThereAndBackSomeAtATime() throws IOException {
        try (CausalLM model = TinyModel.random(1);
                NDManager owner = model.runtime().root().newSubManager()) {
            NDArray array = owner.zeros(new Shape(7, 2));
            array.setRequiresGradient(true);
            int[] at = {0};
            Transfer.write(array, model.operations(), 4, count -> {
                at[0] += count;
                return Arrays.copyOfRange(VALUES, at[0] - count, at[0]);
            });
            assertArrayEquals(VALUES, array.toFloatArray());
            List<Integer> chunks = new ArrayList<>();
            List<Float> read = new ArrayList<>();
            Transfer.read(array, 4, values -> {
                chunks.add(values.length);
                for (float value : values) {
                    read.add(value);
                }
            });
            assertEquals(List.of(4, 4, 4, 2), chunks);
            assertEquals(VALUES.length, read.size());
            for (int i = 0; i < VALUES.length; i++) {
                assertEquals(VALUES[i], read.get(i));
            }
        }
    }
}
