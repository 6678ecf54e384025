package dev.podium.llm.nano;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.podium.llm.chat.ChatMessage;
import dev.podium.llm.chat.ChatTemplate;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.files.SafetensorsWriter;
import dev.podium.llm.files.SafetensorsWriter.Tensor;
import dev.podium.llm.files.TensorSource;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.NamedParameter;
import dev.podium.llm.model.TokenBatch;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.tokenizer.ModelTokenizer;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.llm.torch.TorchRuntime;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * Makes podium-nano from nothing: data, tokenizer, weights. Run with the output folder, and optionally the number of
 * steps; the seed is fixed.
 */
public final class NanoRecipe {
    private static final long SEED = 20_260;
    private static final int VOCABULARY = 768;
    private static final int HIDDEN = 128;
    private static final int INTERMEDIATE = 352;
    private static final int LAYERS = 5;
    private static final int HEADS = 4;
    private static final int KEY_VALUE_HEADS = 2;
    private static final int MAX_POSITIONS = 512;
    private static final int BATCH_DIALOGUES = 16;
    private static final int STEPS = 4000;
    private static final int WARMUP_STEPS = 100;
    private static final double LEARNING_RATE = 2e-3;
    private static final double FINAL_SHARE = 0.05;
    private static final int TOKENIZER_DIALOGUES = 8000;

    private static final String MARK = "@";
    private static final String START = "<|im_start|>";
    private static final String END = "<|im_end|>";
    private static final String TEMPLATE = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' +"
            + " message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}"
            + "{{ '<|im_start|>assistant\n' }}{% endif %}";

    private NanoRecipe() {}

    /** Arguments: output folder, then optionally steps and threads. */
    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[0]);
        int steps = args.length > 1 ? Integer.parseInt(args[1]) : STEPS;
        int threads = args.length > 2 ? Integer.parseInt(args[2]) : 2;
        Files.createDirectories(folder);
        make(folder, steps, TorchRuntime.start("auto", threads), System.out);
    }

    static void make(Path folder, int steps, TorchRuntime runtime, PrintStream out) throws IOException {
        BytePairTrainer vocabulary = new BytePairTrainer(List.of("<|pad|>", START, END));
        vocabulary.train(corpus(), VOCABULARY);
        byte[] tokenizerJson = vocabulary.tokenizerJson();
        int end = vocabulary.id(END);
        ModelConfig config = new ModelConfig(
                VOCABULARY,
                HIDDEN,
                INTERMEDIATE,
                LAYERS,
                HEADS,
                KEY_VALUE_HEADS,
                HIDDEN / HEADS,
                10_000,
                1e-5,
                MAX_POSITIONS,
                true,
                false,
                false,
                List.of(end));
        write(folder, config, tokenizerJson, end);
        try (ModelTokenizer tokenizer = ModelTokenizer.of(tokenizerJson, List.of(end));
                CausalLM model = CausalLM.load(config, randomWeights(config), runtime)) {
            train(model, tokenizer, steps, out);
            save(folder, model);
            samples(model, tokenizer, out);
        }
    }

    private static Iterable<String> corpus() {
        RandomGenerator random = new SplittableRandom(SEED);
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < TOKENIZER_DIALOGUES; i++) {
            String[] dialogue = SupportDialogues.dialogue(random);
            texts.add("user\n" + dialogue[0]);
            texts.add("assistant\n" + dialogue[1] + "\n");
        }
        return texts;
    }

    private static void train(CausalLM model, ModelTokenizer tokenizer, int steps, PrintStream out) {
        RandomGenerator random = new SplittableRandom(SEED + 1);
        ChatTemplate template = new ChatTemplate(TEMPLATE, "", END);
        List<NamedParameter> parameters = model.trainable();
        out.printf(Locale.ROOT, "podium-nano: %,d parameters, %,d steps%n", model.parameterCount(), steps);
        long startNanos = System.nanoTime();
        double smoothed = 0;
        try (AdamW optimiser = new AdamW(model, parameters)) {
            for (int step = 0; step < steps; step++) {
                double loss = lossOfABatch(model, tokenizer, template, random);
                optimiser.step(learningRate(step, steps), 1.0);
                smoothed = step == 0 ? loss : 0.95 * smoothed + 0.05 * loss;
                if (step % 50 == 49) {
                    double seconds = (System.nanoTime() - startNanos) / 1e9;
                    out.printf(
                            Locale.ROOT,
                            "step %d/%d  loss %.4f  %.0f s, %.0f s left%n",
                            step + 1,
                            steps,
                            smoothed,
                            seconds,
                            seconds / (step + 1) * (steps - step - 1));
                }
            }
        }
    }

    private static double lossOfABatch(
            CausalLM model, ModelTokenizer tokenizer, ChatTemplate template, RandomGenerator random) {
        // Rendering costs milliseconds, and all prompts of one turn look alike.
        String opening = template.render(List.of(new ChatMessage("user", MARK)), true);
        List<TokenBatch.Sequence> rows = new ArrayList<>();
        for (int i = 0; i < BATCH_DIALOGUES; i++) {
            String[] dialogue = SupportDialogues.dialogue(random);
            int[] prompt = tokenizer.encode(opening.replace(MARK, dialogue[0]));
            int[] answer = tokenizer.encode(dialogue[1] + END);
            // All tokens but the first are learnt: the prompt of the batch is the first token.
            int[] rest = new int[prompt.length - 1 + answer.length];
            System.arraycopy(prompt, 1, rest, 0, prompt.length - 1);
            System.arraycopy(answer, 0, rest, prompt.length - 1, answer.length);
            rows.add(new TokenBatch.Sequence(new int[] {prompt[0]}, rest));
        }
        try (TensorScope scope = new TensorScope();
                GradientMode on = GradientMode.on()) {
            NDArray loss = TokenBatch.of(model, rows)
                    .tokenLogProbabilities(model, Optional.empty())
                    .mean()
                    .neg();
            GradientMode.backward(loss);
            return loss.getFloat();
        }
    }

    /** Linear warm-up, then a cosine to a small share of the peak. */
    private static double learningRate(int step, int steps) {
        if (step < WARMUP_STEPS) {
            return LEARNING_RATE * (step + 1) / WARMUP_STEPS;
        }
        double progress = (step - WARMUP_STEPS) / (double) Math.max(1, steps - WARMUP_STEPS);
        return LEARNING_RATE * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + Math.cos(Math.PI * progress)));
    }

    private static void samples(CausalLM model, ModelTokenizer tokenizer, PrintStream out) {
        ChatTemplate template = new ChatTemplate(TEMPLATE, "", END);
        for (String text : SupportDialogues.prompts(SupportDialogues.Split.HELD_OUT, 6, SEED)) {
            int[] prompt = tokenizer.encode(template.render(List.of(new ChatMessage("user", text)), true));
            out.println("> " + text);
            try (Generator generator = new Generator(model, Optional.empty())) {
                generator
                        .generate(List.of(prompt), 4, new SamplingParameters(1.0, 0, 1, 96, SEED), tokenizer.endIds())
                        .getFirst()
                        .forEach(completion -> out.println("    " + tokenizer.decode(completion.tokenIds())));
            }
        }
    }

    private static void save(Path folder, CausalLM model) throws IOException {
        Map<String, Tensor> tensors = new HashMap<>();
        for (NamedParameter parameter : model.trainable()) {
            tensors.put(
                    parameter.name(),
                    new Tensor(
                            parameter.array().toFloatArray(),
                            parameter.array().getShape().getShape()));
        }
        SafetensorsWriter.write(
                folder.resolve("model.safetensors"), tensors, SafetensorsWriter.Type.F16, Map.of("format", "pt"));
    }

    private static void write(Path folder, ModelConfig config, byte[] tokenizerJson, int end) throws IOException {
        ObjectMapper json =
                JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
        Map<String, Object> model = new LinkedHashMap<>();
        model.put("architectures", List.of("LlamaForCausalLM"));
        model.put("model_type", "llama");
        model.put("vocab_size", config.vocabularySize());
        model.put("hidden_size", config.hiddenSize());
        model.put("intermediate_size", config.intermediateSize());
        model.put("num_hidden_layers", config.layers());
        model.put("num_attention_heads", config.heads());
        model.put("num_key_value_heads", config.keyValueHeads());
        model.put("head_dim", config.headSize());
        model.put("hidden_act", "silu");
        model.put("rope_theta", config.ropeTheta());
        model.put("rms_norm_eps", config.normEpsilon());
        model.put("max_position_embeddings", config.maxPositions());
        model.put("tie_word_embeddings", true);
        model.put("eos_token_id", end);
        model.put("torch_dtype", "float16");
        Files.write(folder.resolve("config.json"), json.writeValueAsBytes(model));
        Files.write(folder.resolve("tokenizer.json"), tokenizerJson);
        Map<String, Object> tokenizer = new LinkedHashMap<>();
        tokenizer.put("tokenizer_class", "PreTrainedTokenizerFast");
        tokenizer.put("eos_token", END);
        tokenizer.put("pad_token", "<|pad|>");
        tokenizer.put("chat_template", TEMPLATE);
        Files.write(folder.resolve("tokenizer_config.json"), json.writeValueAsBytes(tokenizer));
    }

    /** N(0, 0.02) with the output projections scaled down by sqrt(2 layers), as in GPT-2; norms at one. */
    private static TensorSource randomWeights(ModelConfig c) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put("model.embed_tokens.weight", new long[] {c.vocabularySize(), c.hiddenSize()});
        long keyValue = (long) c.keyValueHeads() * c.headSize();
        for (int i = 0; i < c.layers(); i++) {
            String p = "model.layers." + i + ".";
            shapes.put(p + "input_layernorm.weight", new long[] {c.hiddenSize()});
            shapes.put(p + "self_attn.q_proj.weight", new long[] {c.hiddenSize(), c.hiddenSize()});
            shapes.put(p + "self_attn.k_proj.weight", new long[] {keyValue, c.hiddenSize()});
            shapes.put(p + "self_attn.v_proj.weight", new long[] {keyValue, c.hiddenSize()});
            shapes.put(p + "self_attn.o_proj.weight", new long[] {c.hiddenSize(), c.hiddenSize()});
            shapes.put(p + "post_attention_layernorm.weight", new long[] {c.hiddenSize()});
            shapes.put(p + "mlp.gate_proj.weight", new long[] {c.intermediateSize(), c.hiddenSize()});
            shapes.put(p + "mlp.up_proj.weight", new long[] {c.intermediateSize(), c.hiddenSize()});
            shapes.put(p + "mlp.down_proj.weight", new long[] {c.hiddenSize(), c.intermediateSize()});
        }
        shapes.put("model.norm.weight", new long[] {c.hiddenSize()});
        RandomGenerator random = new SplittableRandom(SEED + 2);
        double outputScale = 1 / Math.sqrt(2.0 * c.layers());
        Map<String, float[]> values = new LinkedHashMap<>();
        shapes.forEach((name, shape) -> {
            int size = (int) (shape.length == 1 ? shape[0] : shape[0] * shape[1]);
            double deviation = 0.02 * (name.contains("o_proj") || name.contains("down_proj") ? outputScale : 1);
            float[] v = new float[size];
            for (int i = 0; i < size; i++) {
                v[i] = name.contains("norm") ? 1 : (float) (random.nextGaussian() * deviation);
            }
            values.put(name, v);
        });
        return new TensorSource() {
            @Override
            public Set<String> names() {
                return shapes.keySet();
            }

            @Override
            public long[] shape(String name) {
                return java.util.Objects.requireNonNull(shapes.get(name)).clone();
            }

            @Override
            public FloatBuffer readFloat32(String name) {
                return FloatBuffer.wrap(java.util.Objects.requireNonNull(values.get(name)));
            }

            @Override
            public void close() {
                // Nothing is held.
            }
        };
    }
}
