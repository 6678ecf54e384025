package dev.podium.training.batch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.training.TinyRound;
import dev.podium.training.batch.PromptTokenizer.Completion;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PromptTokenizerTest {
    private static final int END = 2;

    private TinyRound round;
    private PromptTokenizer tokenizer;
    private String rendered;
    private int[] prompt;

    @BeforeEach
    void open() {
        round = new TinyRound();
        tokenizer = new PromptTokenizer(round.base, 64);
        rendered = tokenizer.render(List.of(Message.user("Hi")));
        prompt = tokenizer.encode(rendered);
    }

    @AfterEach
    void close() {
        round.close();
    }

    @Test
    void aPromptEndsWithTheOpeningOfTheAnswer() {
        assertEquals("<|start|>user\nHi<|end|>\n<|start|>assistant\n", rendered);
    }

    @Test
    void anImportedTextIsFollowedByOneEndToken() {
        int[] tokens = tokens(new Output("o", "Yes", Output.Provenance.imported(), List.of()));
        assertEquals(4, tokens.length);
        assertEquals(END, tokens[3]);
    }

    @Test
    void generatedTokensAreUsedAsTheyAre() {
        int[] tokens = tokens(sampled(List.of(50, 51), "stop"));
        assertArrayEquals(new int[] {50, 51, END}, tokens);
    }

    /** A project's outputs may come from another base model than the round's. */
    @Test
    void tokensOfAnotherVocabularyAreNotTrainedOnButTheTextIs() {
        int[] expected = tokens(new Output("o", "Yes", Output.Provenance.imported(), List.of()));
        assertArrayEquals(expected, tokens(sampled("Yes", List.of(50, 51), "stop")));
        assertArrayEquals(expected, tokens(sampled("Yes", List.of(50, 1_000_000), "stop")));
        assertArrayEquals(expected, tokens(sampled("Yes", List.of(-1), "stop")));
    }

    @Test
    void aSecondEndTokenIsNeverAdded() {
        assertArrayEquals(new int[] {50, END}, tokens(sampled(List.of(50, END), "stop")));
    }

    @Test
    void anOutputThatWasCutOffDoesNotTeachToEndThere() {
        assertArrayEquals(new int[] {50, 51}, tokens(sampled(List.of(50, 51), "length")));
    }

    @Test
    void aRowOverTheLimitIsTooLong() {
        Output output = new Output("o", "x".repeat(64), Output.Provenance.imported(), List.of());
        assertInstanceOf(Completion.TooLong.class, tokenizer.completion(rendered, prompt, output));
    }

    @Test
    void aBoundaryThatMovesIsSeen() {
        // As if the tokenizer had given the prompt another last token than it gives prompt and text together.
        int[] moved = Arrays.copyOf(prompt, prompt.length);
        moved[moved.length - 1]++;
        Output output = new Output("o", "Yes", Output.Provenance.imported(), List.of());
        assertInstanceOf(Completion.BoundaryMoved.class, tokenizer.completion(rendered, moved, output));
    }

    private int[] tokens(Output output) {
        return assertInstanceOf(Completion.Tokens.class, tokenizer.completion(rendered, prompt, output))
                .ids();
    }

    private Output sampled(List<Integer> tokens, String reason) {
        int[] ids = tokens.stream().mapToInt(Integer::intValue).toArray();
        return sampled(tokenizer.decode(ids), tokens, reason);
    }

    private static Output sampled(String text, List<Integer> tokens, String reason) {
        return new Output(
                "o",
                text,
                new Output.Provenance(
                        "sampled",
                        Optional.empty(),
                        Optional.empty(),
                        Optional.of(new Output.Sampling(1, 0, 1, 8, 1, reason))),
                tokens);
    }
}
