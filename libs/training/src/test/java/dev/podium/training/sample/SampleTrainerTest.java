package dev.podium.training.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.SampleSet;
import dev.podium.contracts.Task;
import dev.podium.training.TinyRound;
import dev.podium.training.data.TrainingData;
import dev.podium.training.dpo.DpoTrainer;
import dev.podium.training.reward.RewardEnsemble;
import dev.podium.training.reward.RewardTrainer;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleTrainerTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-24T00:00:00Z"), ZoneOffset.UTC);
    private static final List<List<Message>> PROMPTS =
            List.of(List.of(Message.user("Hi")), List.of(Message.user("Where is it?")));

    @TempDir
    private Path folder;

    private TinyRound round;

    @BeforeEach
    void open() {
        round = new TinyRound();
    }

    @AfterEach
    void close() {
        round.close();
    }

    @Test
    void eachPromptGetsDifferentOutputsWithTheirTokens() throws Exception {
        new SampleTrainer(CLOCK).train(context(config(false), Optional.empty()));

        assertEquals(2, round.recorder.samples.size());
        for (SampleSet set : round.recorder.samples) {
            assertEquals(4, set.outputs().size());
            assertEquals(4, set.outputs().stream().map(Output::text).distinct().count());
            assertEquals(4, set.outputs().stream().map(Output::id).distinct().count());
            for (Output output : set.outputs()) {
                int[] tokens = output.tokenIds().stream().mapToInt(i -> i).toArray();
                assertEquals(output.text(), round.base.tokenizer().decode(tokens));
                assertTrue(output.provenance().adapterVersion().isEmpty());
            }
        }
    }

    @Test
    void theSameSeedGivesTheSameSets() throws Exception {
        new SampleTrainer(CLOCK).train(context(config(false), Optional.empty()));
        List<SampleSet> first = List.copyOf(round.recorder.samples);
        round.recorder.samples.clear();
        Files.delete(folder.resolve("checkpoint.bin"));
        new SampleTrainer(CLOCK).train(context(config(false), Optional.empty()));
        assertEquals(first, round.recorder.samples);
    }

    @Test
    void aBlindMixIsHalfFromTheAdapter() throws Exception {
        RoundConfig.Dpo dpo = new RoundConfig.Dpo(7, TinyRound.LORA, TinyRound.training(1e-2, 2, 2), "sigmoid", 0.1, 0);
        Path adapter = new DpoTrainer()
                .train(round.context(dpo, TinyRound.politeness(3, 0), folder.resolve("dpo")))
                .adapter()
                .orElseThrow()
                .folder();
        new SampleTrainer(CLOCK).train(context(config(true), Optional.of(adapter)));
        for (SampleSet set : round.recorder.samples) {
            long byAdapter = set.outputs().stream()
                    .filter(o -> o.provenance().adapterVersion().isPresent())
                    .count();
            assertEquals(2, byAdapter);
        }
    }

    /** Else the one named first wins more often than it deserves: the other is pushed off the likeliest texts. */
    @Test
    void whatOneSourceWritesDoesNotDependOnWhatAnotherWroteBeforeIt() throws Exception {
        Path same = adapter("same", 1);
        Map<Integer, List<String>> besideItself = besides(same, same, "itself");
        Map<Integer, List<String>> besideAnother = besides(adapter("two", 2), same, "another");

        Set<Integer> both = new TreeSet<>(besideItself.keySet());
        both.retainAll(besideAnother.keySet());
        assertTrue(both.size() > 20, both.toString());
        // So likely are their texts that the two write the same for many prompts; only there could they be in each
        // other's way.
        assertTrue(besideItself.size() < 80, besideItself.toString());
        for (int index : both) {
            assertEquals(besideItself.get(index), besideAnother.get(index), "prompt " + index);
        }
    }

    /** The third output falls to either source, by chance. */
    @Test
    void whatCannotBeDividedFallsToEverySourceInTurn() throws Exception {
        Path same = adapter("same", 1);
        RoundConfig.Sample config = new RoundConfig.Sample(3, 3, 100, 1.0, 0, 1.0, 4, false, "v9", "all", 4, 0.1);
        new SampleTrainer(CLOCK).train(mixed(config, same, same, 20, "three"));

        long first = round.recorder.samples.stream()
                .filter(set -> by(set, "v0").size() == 2)
                .count();
        assertTrue(first > 4 && first < 16, first + " of " + round.recorder.samples.size());
        assertTrue(round.recorder.samples.stream().allMatch(set -> set.outputs().size() == 3));
    }

    /** What v9 writes beside v0, by prompt, in the order in which it was drawn. */
    private Map<Integer, List<String>> besides(Path first, Path second, String name) throws Exception {
        round.recorder.samples.clear();
        RoundConfig.Sample config = new RoundConfig.Sample(3, 2, 100, 0.15, 0, 1.0, 1, false, "v9", "all", 4, 0.1);
        new SampleTrainer(CLOCK).train(mixed(config, first, second, 100, name));
        return round.recorder.samples.stream()
                .collect(Collectors.toMap(
                        SampleSet::index,
                        set -> by(set, "v9").stream().map(Output::text).toList()));
    }

    private RoundContext mixed(RoundConfig config, Path first, Path second, int count, String name) {
        List<List<Message>> prompts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            prompts.add(List.of(Message.user("Where is parcel " + i + "?")));
        }
        return TinyRound.mixing(
                round.context(
                        config,
                        TrainingData.NONE,
                        prompts,
                        List.of(),
                        folder.resolve(name),
                        Optional.of(first),
                        Optional.empty(),
                        () -> false),
                second);
    }

    private static List<Output> by(SampleSet set, String version) {
        return set.outputs().stream()
                .filter(output ->
                        output.provenance().adapterVersion().orElse("base").equals(version))
                .toList();
    }

    @Test
    void threeModelsMixedBlindlyEachMakeTheirShareUnderTheirOwnName() throws Exception {
        Path one = adapter("one", 1);
        Path two = adapter("two", 2);
        RoundConfig.Sample config = new RoundConfig.Sample(3, 6, 10, 1.0, 0, 1.0, 12, true, "v9", "all", 4, 0.1);

        new SampleTrainer(CLOCK).train(TinyRound.mixing(context(config, Optional.of(one)), two));

        List<String> orders = new ArrayList<>();
        for (SampleSet set : round.recorder.samples) {
            List<String> makers = set.outputs().stream()
                    .map(output -> output.provenance().adapterVersion().orElse("base"))
                    .toList();
            orders.add(String.join(" ", makers));
            assertEquals(
                    List.of("base", "base", "v0", "v0", "v9", "v9"),
                    makers.stream().sorted().toList());
        }
        assertTrue(orders.stream().noneMatch(order -> order.equals("v0 v0 base base v9 v9")), orders.toString());
    }

    @Test
    void promptsOnWhichTheEnsembleDisagreesAreTakenWithAShareAtRandom() throws Exception {
        List<List<Message>> prompts = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            prompts.add(List.of(Message.user("Where is parcel " + i + "?")));
        }
        RoundConfig.Sample config = new RoundConfig.Sample(3, 2, 10, 1.0, 0, 1.0, 8, false, "", "disagreement", 3, 0.2);

        RoundResult result = new SampleTrainer(CLOCK)
                .train(round.context(
                        config,
                        TrainingData.NONE,
                        prompts,
                        List.of(),
                        folder,
                        Optional.empty(),
                        Optional.of(reward(3)),
                        () -> false));

        Map<String, Double> metrics = result.metrics();
        assertEquals(8, metrics.get("selected_disagreement"));
        assertEquals(2, metrics.get("selected_uniform"));
        assertEquals(40, metrics.get("pool"));
        assertTrue(metrics.get("disagreement_disagreement") > metrics.get("disagreement_pool"), metrics.toString());
        for (SampleSet set : round.recorder.samples) {
            assertTrue(set.selection().orElseThrow().score() > 0, set.toString());
        }
        List<Double> scores = round.recorder.samples.stream()
                .map(set -> set.selection().orElseThrow())
                .filter(why -> why.reason().equals(Task.Selection.DISAGREEMENT))
                .map(Task.Selection::score)
                .toList();
        assertEquals(8, scores.size());
    }

    @Test
    void aRewardModelAloneCannotDisagreeWithItself() throws Exception {
        RoundConfig.Sample config = new RoundConfig.Sample(3, 2, 10, 1.0, 0, 1.0, 8, false, "", "disagreement", 3, 0.2);
        RoundContext context = round.context(
                config,
                TrainingData.NONE,
                PROMPTS,
                List.of(),
                folder,
                Optional.empty(),
                Optional.of(reward(1)),
                () -> false);

        RoundFailure failure = assertThrows(RoundFailure.class, () -> new SampleTrainer(CLOCK).train(context));

        assertEquals("not_an_ensemble", failure.code());
        assertTrue(failure.getMessage().contains("members"), failure.getMessage());
    }

    @Test
    void whatMembersAddToAllCompletionsOfAPromptIsNoDisagreement() {
        assertEquals(0, RewardEnsemble.disagreement(new double[][] {{1, 2}, {5, 6}}), 1e-12);
        // Centred: (-1, 1) and (1, -1); the deviation of (-1, 1) is sqrt 2.
        assertEquals(Math.sqrt(2), RewardEnsemble.disagreement(new double[][] {{0, 2}, {7, 5}}), 1e-12);
    }

    private Path adapter(String name, long seed) throws Exception {
        RoundConfig.Dpo dpo =
                new RoundConfig.Dpo(seed, TinyRound.LORA, TinyRound.training(1e-2, 2, 2), "sigmoid", 0.1, 0);
        return new DpoTrainer()
                .train(round.context(dpo, TinyRound.politeness(3, 0), folder.resolve(name)))
                .adapter()
                .orElseThrow()
                .folder();
    }

    private RoundContext.RewardModel reward(int members) throws Exception {
        RoundConfig.Reward config = new RoundConfig.Reward(
                7, TinyRound.LORA, TinyRound.training(1e-2, 2, 2), 0.01, 0, "bradley_terry", 0.0, members);
        RoundResult.TrainedAdapter made = new RewardTrainer()
                .train(round.context(config, TinyRound.politeness(4, 1), folder.resolve("reward")))
                .adapter()
                .orElseThrow();
        return new RoundContext.RewardModel(
                made.folder(),
                made.rewardGain().orElseThrow(),
                made.rewardBias().orElseThrow());
    }

    private RoundContext context(RoundConfig config, Optional<Path> adapter) {
        return round.context(
                config, TrainingData.NONE, PROMPTS, List.of(), folder, adapter, Optional.empty(), () -> false);
    }

    private static RoundConfig.Sample config(boolean mix) {
        return new RoundConfig.Sample(3, 4, 10, 1.0, 0, 1.0, 12, mix);
    }
}
