package dev.podium.local.bench;

import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** Tasks of made-up words, whose lengths vary as those of real texts do; the same for one seed. */
final class BenchTasks {
    private static final String[] WORDS = ("the lamp does not start and we are sorry about it please try another socket"
                    + " charge battery for one hour then press button twice while light is green order arrived late"
                    + " refund takes three days our team will help you with every question about delivery today")
            .split(" ");

    private BenchTasks() {}

    /**
     * Fully ranked tasks.
     *
     * @param outputs per task; all pairs are decided, in order
     * @param promptWords mean length; lengths are spread from half to one and a half of it
     */
    static List<PreferenceSet> make(int count, int outputs, int promptWords, int outputWords, String baseModel) {
        SplittableRandom random = new SplittableRandom(20_260);
        List<PreferenceSet> sets = new ArrayList<>();
        for (int t = 0; t < count; t++) {
            List<Output> all = new ArrayList<>();
            for (int k = 0; k < outputs; k++) {
                all.add(new Output("o" + k, words(random, outputWords), Output.Provenance.imported(), List.of()));
            }
            List<PreferenceSet.Pair> pairs = new ArrayList<>();
            int n = outputs * (outputs - 1) / 2;
            for (int i = 0; i < outputs; i++) {
                for (int j = i + 1; j < outputs; j++) {
                    double margin = (j - i) / (double) (outputs - 1);
                    pairs.add(new PreferenceSet.Pair("o" + i, "o" + j, 1.0 / n, 1, 0, margin, 0.75));
                }
            }
            sets.add(new PreferenceSet(
                    "bench",
                    String.format(java.util.Locale.ROOT, "task-%04d", t),
                    List.of(Message.user(words(random, promptWords))),
                    all,
                    Optional.of(baseModel),
                    pairs,
                    List.of(),
                    Map.of(),
                    List.of(),
                    false,
                    true,
                    Instant.EPOCH));
        }
        return sets;
    }

    private static String words(SplittableRandom random, int mean) {
        int count = mean / 2 + random.nextInt(mean + 1);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append(i == 0 ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
        }
        return text.toString();
    }
}
