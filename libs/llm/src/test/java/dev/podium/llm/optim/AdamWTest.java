package dev.podium.llm.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.model.TinyModel;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.Transfer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AdamWTest {
    private static final double LEARNING_RATE = 0.01;

    @Test
    void clippedStepsEqualTorch() throws IOException {
        JsonNode golden = golden();
        try (CausalLM model = TinyModel.random(1);
                NDManager owner = model.runtime().root().newSubManager()) {
            List<NamedParameter> parameters = parameters(owner, golden.path("start"));
            try (AdamW optimiser = new AdamW(model, parameters)) {
                for (JsonNode step : golden.path("steps")) {
                    collect(parameters, step.path("gradients"));
                    double norm = optimiser.step(LEARNING_RATE, 1.0);
                    assertEquals(step.path("norm").asDouble(), norm, 1e-5 * norm);
                    assertEqual(step.path("parameters"), parameters);
                }
            }
        }
    }

    @Test
    void aRestoredOptimiserGoesOnAsTheFirst() throws IOException {
        JsonNode golden = golden();
        try (CausalLM model = TinyModel.random(1);
                NDManager owner = model.runtime().root().newSubManager()) {
            List<NamedParameter> parameters = parameters(owner, golden.path("start"));
            Map<String, float[]> state = new HashMap<>();
            try (AdamW first = new AdamW(model, parameters)) {
                collect(parameters, golden.path("steps").get(0).path("gradients"));
                first.step(LEARNING_RATE, 1.0);
                first.state()
                        .forEach(each -> state.put(each.name(), each.array().toFloatArray()));
            }
            try (AdamW second = new AdamW(model, parameters)) {
                for (NamedParameter each : second.state()) {
                    Transfer.write(each.array(), model.operations(), count -> state.get(each.name()));
                }
                collect(parameters, golden.path("steps").get(1).path("gradients"));
                second.step(LEARNING_RATE, 1.0);
                assertEqual(golden.path("steps").get(1).path("parameters"), parameters);
            }
        }
    }

    @Test
    void aGradientThatIsNotFiniteChangesNothingAndIsForgotten() throws IOException {
        JsonNode golden = golden();
        try (CausalLM model = TinyModel.random(1);
                NDManager owner = model.runtime().root().newSubManager()) {
            List<NamedParameter> parameters = parameters(owner, golden.path("start"));
            try (AdamW optimiser = new AdamW(model, parameters)) {
                collect(parameters, new ObjectMapper().readTree("[[0,0,\"NaN\",0,0,0],[0,0,0,0]]"));
                assertTrue(Double.isNaN(optimiser.step(LEARNING_RATE, 1.0)));
                assertEqual(golden.path("start"), parameters);
                collect(parameters, golden.path("steps").get(0).path("gradients"));
                optimiser.step(LEARNING_RATE, 1.0);
                assertEqual(golden.path("steps").get(0).path("parameters"), parameters);
            }
        }
    }

    private static JsonNode golden() throws IOException {
        return new ObjectMapper().readTree(Files.readAllBytes(Path.of("src/test/resources/golden/adamw.json")));
    }

    private static List<NamedParameter> parameters(NDManager owner, JsonNode values) {
        NDArray first = owner.create(floats(values.get(0)), new Shape(3, 2));
        NDArray second = owner.create(floats(values.get(1)), new Shape(4));
        first.setRequiresGradient(true);
        second.setRequiresGradient(true);
        return List.of(new NamedParameter("first", first), new NamedParameter("second", second));
    }

    /** The gradient of sum(parameter * g) is g. */
    private static void collect(List<NamedParameter> parameters, JsonNode gradients) {
        for (int i = 0; i < parameters.size(); i++) {
            NDArray array = parameters.get(i).array();
            try (TensorScope scope = new TensorScope();
                    GradientMode on = GradientMode.on()) {
                NDArray gradient = array.getManager().create(floats(gradients.get(i)), array.getShape());
                GradientMode.backward(array.mul(gradient).sum());
            }
        }
    }

    private static void assertEqual(JsonNode expected, List<NamedParameter> parameters) {
        for (int i = 0; i < parameters.size(); i++) {
            float[] ours = parameters.get(i).array().toFloatArray();
            for (int j = 0; j < ours.length; j++) {
                assertEquals(expected.get(i).get(j).asDouble(), ours[j], 1e-6);
            }
        }
    }

    private static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) array.get(i).asDouble(Double.NaN);
        }
        return values;
    }
}
