package dev.podium.llm.files;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/**
 * How rotary frequencies are changed so that a model reads texts longer than those it was first trained on.
 *
 * @param type how: the other components are read by some types only
 * @param factor how many times longer
 * @param originalPositions length that the model was first trained on
 * @param lowFrequencyFactor llama3: wavelengths above originalPositions / this are stretched
 * @param highFrequencyFactor llama3: wavelengths below originalPositions / this stay
 * @param betaFast yarn: rotations over originalPositions above which a frequency stays
 * @param betaSlow yarn: rotations below which a frequency is stretched
 * @param truncate yarn: whether the range between both is widened to whole dimensions
 * @param attentionFactor yarn: cos and sin are multiplied by it
 */
public record RopeScaling(
        Type type,
        double factor,
        double originalPositions,
        double lowFrequencyFactor,
        double highFrequencyFactor,
        double betaFast,
        double betaSlow,
        boolean truncate,
        double attentionFactor) {
    public static final RopeScaling NONE = new RopeScaling(Type.NONE, 1, 1, 1, 1, 32, 1, true, 1);

    /** The types there are. */
    public enum Type {
        NONE,
        /** All frequencies by factor. Chen et al. 2023, Extending context window by positional interpolation. */
        LINEAR,
        /** Low frequencies by factor, high ones not, those between smoothly. The Llama 3 herd of models, 2024. */
        LLAMA3,
        /** By rotations, with a factor on attention. Peng et al. 2023, YaRN, section 3. */
        YARN
    }

    private static final Set<String> KNOWN = Set.of("default", "linear", "llama3", "yarn");

    /**
     * Reads {@code rope_scaling} (transformers 4) or {@code rope_parameters} (5).
     *
     * @param field its name, for messages
     * @throws UnsupportedModelException naming the field that is missing, wrong or of an unknown type
     */
    static RopeScaling parse(String field, JsonNode rope, int maxPositions) {
        String name = rope.path("rope_type").asText(rope.path("type").asText("default"));
        if (!KNOWN.contains(name)) {
            throw new UnsupportedModelException(field + " of type " + name + " is not supported; one of "
                    + KNOWN.stream().sorted().toList() + " is");
        }
        if (rope.path("partial_rotary_factor").asDouble(1) != 1) {
            throw new UnsupportedModelException(field + ".partial_rotary_factor is not supported");
        }
        return switch (name) {
            case "linear" -> new RopeScaling(Type.LINEAR, positive(field, rope, "factor"), 1, 1, 1, 32, 1, true, 1);
            case "llama3" ->
                new RopeScaling(
                        Type.LLAMA3,
                        positive(field, rope, "factor"),
                        positive(field, rope, "original_max_position_embeddings"),
                        positive(field, rope, "low_freq_factor"),
                        positive(field, rope, "high_freq_factor"),
                        32,
                        1,
                        true,
                        1);
            case "yarn" -> yarn(field, rope, maxPositions);
            default -> NONE;
        };
    }

    private static RopeScaling yarn(String field, JsonNode rope, int maxPositions) {
        double original = rope.path("original_max_position_embeddings").asDouble(maxPositions);
        double factor = rope.path("factor").isNumber() ? positive(field, rope, "factor") : maxPositions / original;
        double mscale = rope.path("mscale").asDouble(0);
        double all = rope.path("mscale_all_dim").asDouble(0);
        double attention = mscale != 0 && all != 0 ? mscale(factor, mscale) / mscale(factor, all) : mscale(factor, 1);
        return new RopeScaling(
                Type.YARN,
                factor,
                original,
                1,
                1,
                rope.path("beta_fast").asDouble(32),
                rope.path("beta_slow").asDouble(1),
                rope.path("truncate").asBoolean(true),
                rope.path("attention_factor").asDouble(attention));
    }

    private static double mscale(double factor, double weight) {
        return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
    }

    private static double positive(String field, JsonNode rope, String name) {
        double value = rope.path(name).asDouble(0);
        if (!(value > 0)) {
            throw new UnsupportedModelException(field + "." + name + " must be a number above 0");
        }
        return value;
    }

    /**
     * The angle per position of each pair of dimensions.
     *
     * @param size of a head
     * @return {@code [size / 2]}
     */
    public double[] frequencies(double theta, int size) {
        double[] frequencies = new double[size / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = scaled(1 / Math.pow(theta, 2.0 * i / size), i, theta, size);
        }
        return frequencies;
    }

    private double scaled(double frequency, int index, double theta, int size) {
        return switch (type) {
            case NONE -> frequency;
            case LINEAR -> frequency / factor;
            case LLAMA3 -> {
                double wavelength = 2 * Math.PI / frequency;
                if (wavelength < originalPositions / highFrequencyFactor) {
                    yield frequency;
                }
                if (wavelength > originalPositions / lowFrequencyFactor) {
                    yield frequency / factor;
                }
                double smooth = (originalPositions / wavelength - lowFrequencyFactor)
                        / (highFrequencyFactor - lowFrequencyFactor);
                yield (1 - smooth) * frequency / factor + smooth * frequency;
            }
            case YARN -> {
                double low = dimension(betaFast, theta, size);
                double high = dimension(betaSlow, theta, size);
                if (truncate) {
                    low = Math.floor(low);
                    high = Math.ceil(high);
                }
                low = Math.max(low, 0);
                high = Math.min(high, size - 1.0);
                double ramp = Math.clamp((index - low) / (low == high ? 0.001 : high - low), 0, 1);
                yield frequency / factor * ramp + frequency * (1 - ramp);
            }
        };
    }

    /** The dimension whose frequency rotates so often over the original positions. */
    private double dimension(double rotations, double theta, int size) {
        return size * Math.log(originalPositions / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }
}
