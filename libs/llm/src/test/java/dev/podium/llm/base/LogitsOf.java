package dev.podium.llm.base;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.chat.ChatMessage;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.TorchRuntime;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes what a model folder makes of a question, for src/test/python/compare_logits.py to hold next to transformers:
 * {@code FOLDER QUESTION FILE}.
 */
public final class LogitsOf {
    private LogitsOf() {}

    public static void main(String[] arguments) throws Exception {
        TorchRuntime runtime = TorchRuntime.start("cpu", 1);
        try (BaseModelFiles files = BaseModels.openFolder(Path.of(arguments[0]), "compared");
                CausalLM model = CausalLM.load(files.config(), files.weights(), runtime);
                TensorScope scope = new TensorScope()) {
            int[] ids = files.promptTokens(List.of(new ChatMessage("user", arguments[1])));
            long[] wide = java.util.Arrays.stream(ids).asLongStream().toArray();
            NDArray input = runtime.root().create(wide).reshape(1, wide.length);
            NDArray logits =
                    model.logits(model.hiddenStates(input, Optional.empty()).squeeze(0));
            new ObjectMapper()
                    .writeValue(
                            Path.of(arguments[2]).toFile(),
                            Map.of("question", arguments[1], "ids", ids, "logits", logits.toFloatArray()));
        }
    }
}
