package dev.podium.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.llm.files.SafetensorsFile;
import dev.podium.llm.model.NamedParameter;
import dev.podium.training.batch.TaskTokens;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What TRL computed on the tiny Llama, see src/test/python/make_golden.py. */
public final class GoldenFiles {
    private GoldenFiles() {}

    public static JsonNode json(String folder) throws IOException {
        return json(folder, "expected");
    }

    public static JsonNode json(String folder, String name) throws IOException {
        return new ObjectMapper()
                .readTree(
                        TinyRound.GOLDEN.resolve(folder).resolve(name + ".json").toFile());
    }

    public static double[] doubles(JsonNode node) {
        double[] values = new double[node.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = node.get(i).asDouble();
        }
        return values;
    }

    public static Map<String, float[]> tensors(String folder, String name) {
        Path path = TinyRound.GOLDEN.resolve(folder).resolve(name + ".safetensors");
        Map<String, float[]> all = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            for (String tensor : file.names()) {
                FloatBuffer buffer = file.readFloat32(tensor);
                float[] values = new float[buffer.remaining()];
                buffer.get(values);
                all.put(tensor, values);
            }
        }
        return all;
    }

    public static int[] ids(JsonNode node) {
        int[] ids = new int[node.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = node.get(i).asInt();
        }
        return ids;
    }

    /** The ranked tasks of the golden formulas, without pairs. */
    public static List<TaskTokens> rankedTasks() throws IOException {
        JsonNode golden = json("formulas");
        List<TaskTokens> tasks = new ArrayList<>();
        for (JsonNode task : golden.get("tasks")) {
            List<int[]> completions = new ArrayList<>();
            task.get("completions").forEach(completion -> completions.add(ids(completion)));
            tasks.add(new TaskTokens(
                    "task" + tasks.size(),
                    ids(task.get("prompt")),
                    completions,
                    List.of(),
                    List.of(),
                    ids(golden.get("ranks").get(tasks.size())),
                    new boolean[completions.size()]));
        }
        return tasks;
    }

    /** Fails unless a loss is the expected one, relative to its size. */
    public static void assertLoss(double expected, double found, double relative) {
        assertEquals(expected, found, relative * Math.abs(expected));
    }

    /** Fails unless each gradient is the expected one, relative to the largest of its tensor. */
    public static void assertGradients(
            Map<String, float[]> expected, List<NamedParameter> parameters, double tolerance) {
        assertEquals(expected.size(), parameters.size());
        for (NamedParameter parameter : parameters) {
            float[] wanted = expected.get(parameter.name());
            assertNotNull(wanted, parameter.name());
            float[] found = parameter.array().getGradient().toFloatArray();
            double largest = 0;
            for (float value : wanted) {
                largest = Math.max(largest, Math.abs(value));
            }
            for (int i = 0; i < wanted.length; i++) {
                assertEquals(wanted[i], found[i], tolerance * largest, parameter.name() + "[" + i + "]");
            }
        }
    }
}
