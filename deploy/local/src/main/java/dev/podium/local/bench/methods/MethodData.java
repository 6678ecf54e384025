package dev.podium.local.bench.methods;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.imported.ConversationTree;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.nano.SupportDialogues;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.TokenizedTasks;
import dev.podium.training.data.Split;
import dev.podium.training.data.TrainingData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * The tasks that all methods learn from and are judged by: the same for every method and seed, made once and kept. Either
 * the base model's own answers to customers, ranked by the rubric, or conversations that people ranked.
 */
final class MethodData {
    private static final long DATA_SEED = 20_260;
    private static final int OUTPUTS = 4;
    private static final String PROJECT = "bench";

    private MethodData() {}

    /** Reads the tasks, or makes them first. */
    static TrainingData of(BaseModelFiles files, CausalLM model, MethodScale scale, Optional<Path> trees, Path kept)
            throws IOException {
        if (!Files.exists(kept)) {
            List<PreferenceSet> sets =
                    trees.isPresent() ? ofTrees(files, scale, trees.get()) : ofRubric(files, model, scale);
            StringBuilder lines = new StringBuilder();
            sets.forEach(set -> lines.append(new String(EventJson.write(set), StandardCharsets.UTF_8))
                    .append('\n'));
            Path aside = kept.resolveSibling(kept.getFileName() + ".part");
            Files.createDirectories(kept.toAbsolutePath().getParent());
            Files.writeString(aside, lines);
            Files.move(aside, kept, StandardCopyOption.ATOMIC_MOVE);
        }
        List<PreferenceSet> train = new ArrayList<>();
        List<PreferenceSet> heldOut = new ArrayList<>();
        for (String line : Files.readAllLines(kept)) {
            PreferenceSet set = read(line);
            (Split.isHeldOut(set.prompt(), scale.heldOutShare()) ? heldOut : train).add(set);
        }
        return new TrainingData(first(train, scale.trainTasks()), first(heldOut, scale.heldOutTasks()), 0);
    }

    private static PreferenceSet read(String line) throws IOException {
        try {
            return EventJson.read(line.getBytes(StandardCharsets.UTF_8), PreferenceSet.class);
        } catch (InvalidEventException e) {
            throw new IOException("the tasks that were kept are damaged: " + e.getMessage(), e);
        }
    }

    private static <T> List<T> first(List<T> all, int count) {
        return all.subList(0, Math.min(all.size(), count));
    }

    /** Four answers of the base model to each prompt. */
    private static List<PreferenceSet> ofRubric(BaseModelFiles files, CausalLM model, MethodScale scale) {
        List<String> texts = SupportDialogues.prompts(
                SupportDialogues.Split.TRAIN, scale.trainTasks() + scale.heldOutTasks(), DATA_SEED);
        PromptTokenizer tokenizer = new PromptTokenizer(files, scale.maxLengthTokens());
        List<List<Message>> prompts =
                texts.stream().map(text -> List.of(Message.user(text))).toList();
        SamplingParameters parameters = new SamplingParameters(1.0, 0, 1.0, scale.maxNewTokens(), DATA_SEED);
        List<List<Completion>> all;
        try (Generator generator = new Generator(model, Optional.empty())) {
            all = generator.generate(
                    prompts.stream().map(tokenizer::prompt).toList(), OUTPUTS, parameters, tokenizer.endIds());
        }
        RubricLabelers labelers = new RubricLabelers(DATA_SEED);
        List<PreferenceSet> sets = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            List<Output> outputs = new ArrayList<>();
            for (Completion completion : all.get(i)) {
                outputs.add(output(outputs.size(), completion, tokenizer, files.name(), parameters));
            }
            sets.add(labelers.rank(task(i, prompts.get(i), outputs, files.name())));
        }
        return sets;
    }

    private static Output output(
            int number, Completion completion, PromptTokenizer tokenizer, String model, SamplingParameters parameters) {
        boolean stopped = completion.reason() == Completion.FinishReason.STOP;
        int[] tokens = completion.tokenIds();
        int[] text = stopped ? Arrays.copyOf(tokens, tokens.length - 1) : tokens;
        return new Output(
                "o" + number,
                tokenizer.decode(text),
                new Output.Provenance(
                        "sampled",
                        Optional.of(model),
                        Optional.empty(),
                        Optional.of(new Output.Sampling(
                                parameters.temperature(),
                                0,
                                1,
                                parameters.maxNewTokens(),
                                parameters.seed(),
                                stopped ? "stop" : "length"))),
                Arrays.stream(text).boxed().toList());
    }

    private static Task task(int number, List<Message> prompt, List<Output> outputs, String model) {
        return new Task(
                PROJECT,
                String.format(java.util.Locale.ROOT, "task-%05d", number),
                prompt,
                outputs,
                RankingRules.DEFAULT,
                Optional.of(model),
                Optional.empty(),
                Instant.EPOCH);
    }

    /** Ranked replies of a file, in an order by chance. */
    private static List<PreferenceSet> ofTrees(BaseModelFiles files, MethodScale scale, Path file) throws IOException {
        PromptTokenizer tokenizer = new PromptTokenizer(files, scale.maxLengthTokens());
        List<PreferenceSet> sets = new ArrayList<>();
        int number = 0;
        for (String line : Files.readAllLines(file)) {
            if (line.isBlank()) {
                continue;
            }
            for (ConversationTree.Ranked ranked : trees(line)) {
                List<Output> outputs = new ArrayList<>();
                for (String text :
                        ranked.replies().subList(0, Math.min(ranked.replies().size(), Task.MAX_OUTPUTS))) {
                    outputs.add(new Output("o" + outputs.size(), text, Output.Provenance.imported(), List.of()));
                }
                Task task = task(number++, ranked.conversation(), outputs, files.name());
                List<List<String>> groups = ranked.ranking().stream()
                        .map(group -> group.stream()
                                .filter(position -> position < outputs.size())
                                .map(position -> "o" + position)
                                .toList())
                        .filter(group -> !group.isEmpty())
                        .toList();
                PreferenceSet set = PreferenceAggregation.aggregate(
                        task,
                        List.of(HeldRanking.of(
                                RubricLabelers.Rankings.of(task, "imported", groups, List.of()), 0, number)),
                        labeler -> 1.0);
                if (set.decided() && fits(set, tokenizer, scale)) {
                    sets.add(set);
                }
            }
        }
        // Neighbours in the file are of one conversation.
        java.util.Collections.shuffle(sets, new java.util.Random(new SplittableRandom(DATA_SEED).nextLong()));
        return sets;
    }

    private static List<ConversationTree.Ranked> trees(String line) throws IOException {
        try {
            JsonNode tree = EventJson.tree(line.getBytes(StandardCharsets.UTF_8));
            return ConversationTree.ranked(tree);
        } catch (InvalidEventException | ConversationTree.InvalidTreeException e) {
            throw new IOException("a line of the data file is no ranked conversation tree: " + e.getMessage(), e);
        }
    }

    /** Whether two outputs at least are short enough, one of them preferred, in a task that is not too large. */
    private static boolean fits(PreferenceSet set, PromptTokenizer tokenizer, MethodScale scale) {
        TokenizedTasks tokenized = tokenizer.tokenize(List.of(set));
        return !tokenized.tasks().isEmpty() && tokenized.tasks().getFirst().tokens() <= scale.maxTaskTokens();
    }
}
