package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.LabelerStatistics;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.PreferenceSet.RankingUsed;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Any permutation and any duplication of the logs of rankings and of labelers' weights, with corrections and retractions
 * in them, and the task before, between or after them, gives the preference set and the labelers' figures that the plain reference computes
 * from the facts.
 */
class AnyOrderTest {
    private static final String[] LABELERS = {"ann", "bob", "cy", "dan"};
    // The last three are one text: as it is, with blanks, and decomposed.
    private static final List<String> TEXTS = List.of("one", "two", "three", "caf\u00e9", " caf\u00e9\n", "cafe\u0301");

    // Opening the stores takes longer than a try: every try takes tasks and labelers of its own.
    private static final AtomicInteger TRIES = new AtomicInteger();
    private static TopologyHarness stream;

    @BeforeContainer
    static void start() {
        stream = new TopologyHarness();
    }

    @AfterContainer
    static void stop() {
        stream.close();
    }

    /** What a labeler did at one revision: places of the outputs, or nothing for a retraction. */
    record Act(Optional<List<Integer>> places, List<Integer> unacceptable) {}

    /** Facts, and in which order and how often they arrive. */
    record Scenario(
            List<String> texts,
            RankingRules rules,
            List<List<Act>> acts,
            List<List<Double>> weights,
            long shuffleSeed) {}

    @Property(tries = 250)
    void anyOrderAndAnyRepetitionGivesTheSameSet(@ForAll("scenarios") Scenario scenario) throws Exception {
        int number = TRIES.incrementAndGet();
        Map<String, String> sets = new TreeMap<>();
        // Two logs of the same facts, as two tasks.
        for (String order : List.of("x", "y")) {
            // Given
            String taskId = number + order;
            Task task = Facts.task(taskId, scenario.rules(), scenario.texts().toArray(String[]::new));
            List<RankingEvent> facts = facts(taskId, taskId, scenario);
            List<LabelerReliability> weights = weights(taskId, scenario);
            List<Object> all = new ArrayList<>(facts);
            all.addAll(weights);
            List<Object> log = new ArrayList<>(all);
            Random random = new Random(scenario.shuffleSeed() + order.hashCode());
            all.stream().filter(fact -> random.nextInt(3) == 0).forEach(log::add);
            Collections.shuffle(log, random);
            int taskAt = random.nextInt(log.size() + 1);

            // When
            for (int i = 0; i <= log.size(); i++) {
                if (i == taskAt) {
                    stream.task(task);
                }
                if (i < log.size()) {
                    send(log.get(i));
                }
            }

            // Then
            PreferenceSet set = stream.newestSet();
            Map<String, Double> weighs = new TreeMap<>();
            weights.forEach(weight -> weighs.put(weight.labelerId(), weight.reliability()));
            PlainReference expected = new PlainReference(task, facts, weighs);
            assertSame(expected, set);
            assertSame(List.of(expected), weighs, stream.labelers());
            assertEquals(List.of(), stream.deadLetters());
            sets.put(order, withoutPlaces(set).replace(taskId, "T"));
        }
        assertEquals(sets.get("x"), sets.get("y"));
    }

    @Provide
    Arbitrary<Scenario> scenarios() {
        return Arbitraries.integers().between(2, 4).flatMap(outputs -> {
            Arbitrary<List<String>> texts = Arbitraries.of(TEXTS).list().ofSize(outputs);
            Arbitrary<RankingRules> rules = Combinators.combine(
                            Arbitraries.of(1.0, 2.0), Arbitraries.of(0.0, 0.34, 0.5, 1.0))
                    .as((votes, majority) -> new RankingRules(true, 0, 4, votes, majority));
            // A place beyond the outputs means: left out.
            Arbitrary<List<Integer>> places =
                    Arbitraries.integers().between(0, outputs).list().ofSize(outputs);
            Arbitrary<List<Integer>> marked = Arbitraries.integers()
                    .between(0, outputs - 1)
                    .list()
                    .uniqueElements()
                    .ofMaxSize(2);
            Arbitrary<Act> act =
                    Combinators.combine(places.optional(0.8), marked).as(Act::new);
            Arbitrary<List<List<Act>>> acts =
                    act.list().ofMinSize(1).ofMaxSize(3).list().ofMinSize(1).ofMaxSize(LABELERS.length);
            // Sums of these are exact in any order.
            Arbitrary<List<List<Double>>> weights = Arbitraries.of(0.0, 0.25, 0.5, 1.0, 2.0)
                    .list()
                    .ofMaxSize(3)
                    .list()
                    .ofSize(LABELERS.length);
            return Combinators.combine(texts, rules, acts, weights, Arbitraries.longs())
                    .as(Scenario::new);
        });
    }

    private static void send(Object fact) {
        if (fact instanceof LabelerReliability weight) {
            stream.reliability(weight);
        } else {
            stream.ranking((RankingEvent) fact);
        }
    }

    /** Of each labeler in the order of the acts, so that the last one counts. */
    static List<LabelerReliability> weights(String prefix, Scenario scenario) {
        List<LabelerReliability> all = new ArrayList<>();
        for (int l = 0; l < scenario.acts().size(); l++) {
            List<Double> weights = scenario.weights().get(l);
            for (int i = 0; i < weights.size(); i++) {
                all.add(Facts.reliability(prefix + LABELERS[l], i + 1, weights.get(i)));
            }
        }
        return all;
    }

    static List<RankingEvent> facts(String taskId, String prefix, Scenario scenario) {
        List<RankingEvent> facts = new ArrayList<>();
        for (int l = 0; l < scenario.acts().size(); l++) {
            String labeler = prefix + LABELERS[l];
            int revision = 0;
            for (Act act : scenario.acts().get(l)) {
                revision++;
                facts.add(fact(taskId, labeler, revision, act, scenario.texts().size()));
            }
        }
        return facts;
    }

    private static RankingEvent fact(String taskId, String labeler, int revision, Act act, int outputs) {
        if (act.places().isEmpty()) {
            return Facts.retraction(taskId, labeler, revision);
        }
        List<Integer> places = act.places().get();
        List<List<String>> groups = IntStream.range(0, outputs)
                .mapToObj(place -> IntStream.range(0, outputs)
                        .filter(output -> places.get(output) == place)
                        .mapToObj(output -> Character.toString('a' + output))
                        .toList())
                .filter(group -> !group.isEmpty())
                .toList();
        RankingSubmitted plain = Facts.ranking(taskId, labeler, revision, "");
        return new RankingSubmitted(
                plain.eventId(),
                plain.projectId(),
                taskId,
                labeler,
                revision,
                groups,
                act.unacceptable().stream()
                        .map(output -> Character.toString('a' + output))
                        .toList(),
                List.of(),
                0,
                Optional.empty(),
                plain.at());
    }

    static void assertSame(PlainReference expected, PreferenceSet set) {
        Map<String, List<Double>> pairs = new TreeMap<>();
        set.pairs()
                .forEach(p -> pairs.put(
                        p.chosen() + ">" + p.rejected(),
                        List.of(p.votesFor(), p.votesAgainst(), p.weight(), p.margin(), p.probability())));
        Map<String, List<Double>> ties = new TreeMap<>();
        set.ties().forEach(t -> ties.put(t.first() + "=" + t.second(), List.of(t.votesFirst(), t.votesSecond())));
        Map<String, Integer> used = new TreeMap<>();
        set.rankings().forEach(ranking -> used.merge(ranking.labelerId(), ranking.revision(), (a, b) -> -1));
        assertEquals(expected.pairs, pairs);
        assertEquals(expected.ties, ties);
        assertEquals(expected.used, used);
        assertEquals(expected.unacceptable, set.unacceptable());
        assertEquals(expected.cycle, set.cycle());
        assertEquals(!expected.pairs.isEmpty(), set.decided());
    }

    /** Of several tasks of the same labelers. */
    static void assertSame(
            List<PlainReference> expected, Map<String, Double> weights, Map<String, LabelerStatistics> published) {
        published.forEach((labeler, s) -> assertEquals(weights.getOrDefault(labeler, 1.0), s.reliability(), labeler));
        Map<String, List<Long>> figures = new TreeMap<>();
        published.forEach((labeler, s) -> figures.put(
                labeler, List.of(s.rankings(), s.corrections(), s.retractions(), s.pairsCompared(), s.pairsAgreed())));
        Map<String, List<Long>> sums = new TreeMap<>();
        expected.forEach(task -> task.labelers.forEach((labeler, of) -> sums.merge(
                labeler,
                of,
                (one, other) -> IntStream.range(0, one.size())
                        .mapToObj(i -> one.get(i) + other.get(i))
                        .toList())));
        assertEquals(sums, figures);
    }

    /** The set's JSON; where a ranking stands differs from log to log. */
    private static String withoutPlaces(PreferenceSet set) {
        List<RankingUsed> rankings = set.rankings().stream()
                .map(r -> new RankingUsed(
                        r.labelerId(), r.revision(), r.eventId(), r.topic(), 0, 0, r.reliability(), r.groups()))
                .toList();
        return EventJson.writeText(new PreferenceSet(
                set.projectId(),
                set.taskId(),
                set.prompt(),
                set.outputs(),
                set.baseModel(),
                set.pairs(),
                set.ties(),
                set.unacceptable(),
                rankings,
                set.cycle(),
                set.decided(),
                set.updatedAt()));
    }
}
