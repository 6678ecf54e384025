package dev.podium.local.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;

/**
 * How much the demo does with a base model, and the hyperparameters of its rounds: what two cores can do in the time
 * that a person waits.
 *
 * @param importedTasks tasks that come with outputs, imported from a file
 * @param sampledPrompts prompts that the base model answers in the SAMPLE round
 * @param noise of the labelers, in points of the rubric
 * @param overlap labelers per task
 * @param judgedPrompts held-out prompts for the win rate
 * @param maxNewTokens of an answer
 */
record DemoScale(
        int importedTasks,
        int sampledPrompts,
        int outputsPerPrompt,
        int labelers,
        int overlap,
        double noise,
        int judgedPrompts,
        int maxNewTokens,
        double temperature,
        Map<String, Object> rewardConfig,
        Map<String, Object> dpoConfig,
        Map<String, Object> ppoConfig) {
    private static final ObjectMapper JSON = new ObjectMapper();

    static DemoScale of(String model, long seed) {
        return model.equals("podium-nano") ? nano(seed) : small(seed);
    }

    /** A model of a million parameters. */
    private static DemoScale nano(long seed) {
        Map<String, Object> lora = Map.of("r", 16, "alpha", 32, "dropout", 0);
        return new DemoScale(
                40,
                120,
                4,
                4,
                2,
                0.5,
                200,
                112,
                1.0,
                Map.of("seed", seed, "lora", lora, "training", training(1e-3, 2, 8)),
                Map.of("seed", seed, "lora", lora, "training", training(1e-3, 2, 8)),
                Map.of(
                        "seed",
                        seed,
                        "lora",
                        lora,
                        "training",
                        training(1e-3, 1, 64),
                        "totalPrompts",
                        768,
                        "ppoEpochs",
                        2,
                        "miniBatches",
                        2,
                        "temperature",
                        1.0,
                        "maxNewTokens",
                        112,
                        "klCoefficient",
                        0.05));
    }

    /** A model of a hundred million parameters: fewer prompts, shorter answers. */
    private static DemoScale small(long seed) {
        Map<String, Object> lora = Map.of("r", 16, "alpha", 32, "dropout", 0);
        return new DemoScale(
                32,
                64,
                4,
                4,
                2,
                0.5,
                100,
                48,
                0.8,
                Map.of("seed", seed, "lora", lora, "training", training(5e-4, 2, 4)),
                Map.of("seed", seed, "lora", lora, "training", training(2e-4, 2, 4)),
                Map.of(
                        "seed",
                        seed,
                        "lora",
                        lora,
                        "training",
                        training(3e-4, 1, 32),
                        "totalPrompts",
                        224,
                        "ppoEpochs",
                        2,
                        "miniBatches",
                        2,
                        "temperature",
                        0.8,
                        "maxNewTokens",
                        40,
                        "klCoefficient",
                        0.05));
    }

    private static Map<String, Object> training(double learningRate, double epochs, int batchTasks) {
        return Map.of(
                "learningRate",
                learningRate,
                "epochs",
                epochs,
                "batchTasks",
                batchTasks,
                "maxLengthTokens",
                512,
                "maxGradientNorm",
                1.0,
                "warmupShare",
                0.05,
                "heldOutShare",
                0.2,
                "checkpointSteps",
                20);
    }

    JsonNode sampleConfig(long seed) {
        return JSON.valueToTree(Map.of(
                "seed",
                seed,
                "outputsPerPrompt",
                outputsPerPrompt,
                "maxPrompts",
                sampledPrompts,
                "temperature",
                temperature,
                "topK",
                0,
                "topP",
                1.0,
                "maxNewTokens",
                maxNewTokens,
                "mixWithBase",
                false));
    }
}
