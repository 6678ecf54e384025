package dev.podium.llm.nano;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.llm.base.BaseModelFiles;
import dev.podium.llm.base.BaseModels;
import dev.podium.llm.chat.ChatMessage;
import dev.podium.llm.generate.Completion;
import dev.podium.llm.generate.Generator;
import dev.podium.llm.generate.SamplingParameters;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TinyModel;
import dev.podium.llm.nano.SupportDialogues.Split;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PodiumNanoTest {
    @Test
    void itWritesSeveralWholeAnswersToOnePromptInWordsOfItsDomain(@TempDir Path models) {
        Set<String> words = domainWords();
        try (BaseModelFiles files = new BaseModels(models).open(BaseModels.NANO);
                CausalLM model = CausalLM.load(files.config(), files.weights(), TinyModel.runtime());
                Generator generator = new Generator(model, Optional.empty())) {
            List<int[]> prompts = SupportDialogues.prompts(Split.HELD_OUT, 4, 5).stream()
                    .map(text -> files.promptTokens(List.of(new ChatMessage("user", text))))
                    .toList();
            List<List<Completion>> answers = generator.generate(
                    prompts,
                    4,
                    new SamplingParameters(0.9, 0, 1, 112, 11),
                    files.tokenizer().endIds());
            int known = 0;
            int all = 0;
            for (List<Completion> ofOnePrompt : answers) {
                Set<String> texts = new HashSet<>();
                for (Completion answer : ofOnePrompt) {
                    assertEquals(Completion.FinishReason.STOP, answer.reason());
                    String text = files.tokenizer().decode(answer.tokenIds());
                    texts.add(text);
                    for (String word : text.toLowerCase(java.util.Locale.ROOT).split("[^a-z]+")) {
                        all += word.isEmpty() ? 0 : 1;
                        known += words.contains(word) ? 1 : 0;
                    }
                }
                assertTrue(texts.size() >= 3, "different answers: " + texts);
            }
            assertTrue(known >= 0.98 * all, known + " of " + all + " words are of the domain");
        }
    }

    @Test
    void heldOutPromptsNeverOccurInTraining() {
        Set<String> heldOut = new HashSet<>(SupportDialogues.prompts(Split.HELD_OUT, 200, 1));
        SplittableRandom random = new SplittableRandom(2);
        for (int i = 0; i < 5000; i++) {
            assertTrue(!heldOut.contains(SupportDialogues.dialogue(random)[0]));
        }
        SupportDialogues.prompts(Split.TRAIN, 200, 1).forEach(prompt -> assertTrue(!heldOut.contains(prompt)));
    }

    private static Set<String> domainWords() {
        Set<String> words = new TreeSet<>();
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 4000; i++) {
            for (String text : SupportDialogues.dialogue(random)) {
                words.addAll(List.of(text.toLowerCase(java.util.Locale.ROOT).split("[^a-z]+")));
            }
        }
        return words;
    }
}
