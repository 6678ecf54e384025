package dev.podium.local.service;

import dev.podium.adapterclient.AdapterSwap;
import dev.podium.adapterclient.ServedAdapter;
import dev.podium.contracts.adapter.BaseShape;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.chat.ChatMessage;
import dev.podium.llm.files.ModelConfig;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.PeftFolder;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.torch.TorchRuntime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The model and the adapter in use. Everything that touches the engine runs on one thread, in order: a swap takes its
 * turn between two requests, so that no request fails and none is answered by half of each.
 */
final class Answerer implements AdapterSwap, AutoCloseable {
    private static final int MAX_WAITING = 256;

    private final ThreadPoolExecutor engine = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MAX_WAITING),
            task -> Thread.ofPlatform().name("libtorch").daemon().unstarted(task));
    private final BaseModelFiles files;
    private final CausalLM model;
    /** Without an adapter; before the first one, and for comparison. */
    private final Generator base;

    // Only touched on the engine's thread.
    private @Nullable Loaded loaded;

    private record Loaded(String version, Generator generator) {}

    /**
     * @param version what answered: an adapter's, or {@code base}
     */
    record Answers(List<String> texts, String version) {}

    Answerer(ServiceConfig config) throws InterruptedException {
        files = new BaseModels(config.modelsDir()).open(config.baseModel());
        model = await(() ->
                CausalLM.load(files.config(), files.weights(), TorchRuntime.start(config.device(), config.threads())));
        base = await(() -> new Generator(model, Optional.empty()));
    }

    String baseSha256() {
        return files.sha256();
    }

    /** What an adapter's tensors must fit. */
    BaseShape baseShape() {
        ModelConfig config = files.config();
        return new BaseShape(
                config.layers(),
                config.hiddenSize(),
                config.intermediateSize(),
                config.heads(),
                config.keyValueHeads(),
                config.headSize());
    }

    /**
     * One answer to each conversation.
     *
     * @param baseOnly answer without the adapter, for comparison
     * @throws java.util.concurrent.RejectedExecutionException when too many requests wait
     */
    Answers answer(List<List<ChatMessage>> prompts, SamplingParameters parameters, boolean baseOnly)
            throws InterruptedException {
        return await(() -> {
            Loaded now = baseOnly ? null : loaded;
            List<int[]> tokens = new ArrayList<>();
            for (List<ChatMessage> prompt : prompts) {
                tokens.add(files.promptTokens(prompt));
            }
            Generator generator = now == null ? base : now.generator();
            List<List<Completion>> completions =
                    generator.generate(tokens, 1, parameters, files.tokenizer().endIds());
            List<String> texts =
                    completions.stream().map(each -> text(each.getFirst())).toList();
            return new Answers(texts, now == null ? "base" : now.version());
        });
    }

    /** The version that answers now. */
    String version() throws InterruptedException {
        return await(() -> loaded == null ? "base" : loaded.version());
    }

    @Override
    public void swap(Optional<ServedAdapter> adapter) throws Exception {
        this.<Void>await(() -> {
            Loaded before = loaded;
            if (adapter.isPresent()) {
                // Read first: when this throws, the adapter in use stays.
                try (LoraAdapter next = PeftFolder.read(adapter.get().folder(), model)) {
                    loaded = new Loaded(adapter.get().version(), new Generator(model, Optional.of(next)));
                }
            } else {
                loaded = null;
            }
            if (before != null) {
                before.generator().close();
            }
            return null;
        });
    }

    @Override
    public void close() {
        engine.shutdownNow();
    }

    private String text(Completion completion) {
        int[] ids = completion.tokenIds();
        int length = completion.reason() == Completion.FinishReason.STOP ? ids.length - 1 : ids.length;
        return files.tokenizer().decode(Arrays.copyOf(ids, length)).strip();
    }

    private <T extends @Nullable Object> T await(Callable<T> task) throws InterruptedException {
        try {
            return engine.submit(task).get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        }
    }
}
