package dev.podium.llm.generate;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.podium.llm.torch.Operations;
import dev.podium.llm.torch.TorchRuntime;
import java.util.List;

/**
 * Draws a token for each row of logits, where the logits are: only tokens and their log-probabilities leave the device.
 * The random numbers are drawn in Java, one per row and step, and turned into a token by inversion in float64.
 */
final class TokenSampler {
    private final SamplingParameters parameters;
    private final Operations operations;
    private final NDManager manager;
    private final int vocabulary;

    TokenSampler(SamplingParameters parameters, Operations operations, TorchRuntime runtime, int vocabulary) {
        this.parameters = parameters;
        this.operations = operations;
        this.manager = runtime.root();
        this.vocabulary = vocabulary;
    }

    /** @param logProbabilities at temperature 1, over the whole vocabulary */
    record Draw(long[] tokens, float[] logProbabilities) {}

    /**
     * Draws one token per row.
     *
     * @param logits {@code [rows, vocabulary]}
     * @param uniforms per row, in [0, 1); not read at temperature 0
     */
    Draw draw(NDArray logits, double[] uniforms) {
        NDList drawn = parameters.temperature() == 0
                ? operations.callLists("largest", List.of(logits), List.of())
                : sample(logits, TorchRuntime.doubles(manager, uniforms, uniforms.length, 1));
        return new Draw(drawn.get(0).toLongArray(), drawn.get(1).toFloatArray());
    }

    private NDList sample(NDArray logits, NDArray uniforms) {
        NDArray temperature = manager.create((float) parameters.temperature());
        if (parameters.topK() == 0 && parameters.topP() == 1) {
            return operations.callLists("sample_all", List.of(logits, uniforms, temperature), List.of());
        }
        return operations.callLists(
                "sample_best",
                List.of(
                        logits,
                        uniforms,
                        temperature,
                        manager.create(Math.min(parameters.topK(), vocabulary)),
                        manager.create(parameters.topP())),
                List.of());
    }
}
