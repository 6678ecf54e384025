package dev.podium.contracts.preference;

import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.PreferenceSet.Pair;
import dev.podium.contracts.PreferenceSet.RankingUsed;
import dev.podium.contracts.PreferenceSet.Tie;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/**
 * From the rankings of one task to its preference set: a pure function, so that any order and any repetition of the same
 * facts gives the same set.
 *
 * <p>Votes n_ij are the summed reliabilities of the labelers who rank i above j; outputs left out of a ranking are below
 * all ranked ones and tied with each other. A pair is decided when minVotes labelers separate it whose votes weigh
 * anything, the votes differ, and |n_ij - n_ji| / (n_ij + n_ji) reaches minMajority; otherwise it is a tie. With
 * reliability 1 for everybody those labelers are n_ij + n_ji.
 */
public final class PreferenceAggregation {
    private PreferenceAggregation() {}

    /**
     * The set of one task.
     *
     * @param held what each labeler said last, in any order
     * @param reliability vote weight of a labeler
     */
    public static PreferenceSet aggregate(Task task, Iterable<HeldRanking> held, ToDoubleFunction<String> reliability) {
        return aggregate(task, held, reliability, Optional.empty());
    }

    /**
     * The set of one task that may have been decided. Where it was, the pairs are those of the decision, labelers' votes
     * weigh 0, and the decision stands last among what the set was made of, under its own topic.
     */
    public static PreferenceSet aggregate(
            Task task,
            Iterable<HeldRanking> held,
            ToDoubleFunction<String> weights,
            Optional<HeldAdjudication> decision) {
        return aggregate(task, DistinctOutputs.of(task), held, weights, decision);
    }

    /**
     * The same for a task whose distinct outputs are known.
     *
     * @param outputs of the task
     */
    public static PreferenceSet aggregate(
            Task task,
            DistinctOutputs outputs,
            Iterable<HeldRanking> held,
            ToDoubleFunction<String> weights,
            Optional<HeldAdjudication> decision) {
        Optional<HeldAdjudication> decided = decision.filter(d -> d.decides(task));
        ToDoubleFunction<String> reliability = decided.isPresent() ? labeler -> 0 : weights;
        List<HeldRanking> counted = new ArrayList<>();
        Instant newest = task.createdAt();
        for (HeldRanking ranking : held) {
            newest = ranking.event().at().isAfter(newest) ? ranking.event().at() : newest;
            if (ranking.event() instanceof RankingSubmitted) {
                counted.add(ranking);
            }
        }
        counted.sort(Comparator.comparing(ranking -> ranking.event().labelerId()));
        Votes votes = new Votes(outputs);
        List<RankingUsed> used = new ArrayList<>();
        for (HeldRanking each : counted) {
            RankingSubmitted ranking = (RankingSubmitted) each.event();
            int[] ranks = outputs.ranks(ranking);
            double weight = reliability.applyAsDouble(ranking.labelerId());
            votes.add(ranking, ranks, weight);
            used.add(used(each, outputs.groups(ranks), weight));
        }
        RankingRules rules = task.rules();
        if (decided.isPresent()) {
            HeldAdjudication last = decided.get();
            votes.decideBy(last.event().groups());
            used.add(used(last));
            newest = last.event().at().isAfter(newest) ? last.event().at() : newest;
            rules = new RankingRules(true, 0, 1, 1, 0);
        }
        List<Pair> pairs = new ArrayList<>();
        List<Tie> ties = new ArrayList<>();
        if (!used.isEmpty()) {
            votes.decide(rules, pairs, ties);
        }
        return new PreferenceSet(
                task.projectId(),
                task.taskId(),
                task.prompt(),
                task.outputs(),
                task.baseModel(),
                weighted(pairs),
                ties,
                votes.unacceptable,
                used,
                hasCycle(pairs, outputs),
                !pairs.isEmpty(),
                newest,
                task.group(),
                task.selection());
    }

    private static RankingUsed used(HeldRanking ranking, List<List<String>> groups, double weight) {
        return new RankingUsed(
                ranking.event().labelerId(),
                ranking.event().revision(),
                ranking.event().eventId(),
                Topics.RANKINGS,
                ranking.partition(),
                ranking.offset(),
                weight,
                groups);
    }

    private static RankingUsed used(HeldAdjudication decision) {
        return new RankingUsed(
                decision.event().adjudicatorId(),
                decision.event().revision(),
                decision.event().eventId(),
                Topics.ADJUDICATIONS,
                decision.partition(),
                decision.offset(),
                1,
                decision.event().groups());
    }

    /** Every task weighs 1 in training, however many pairs it has. */
    private static List<Pair> weighted(List<Pair> pairs) {
        List<Pair> weighted = new ArrayList<>(pairs.size());
        for (Pair p : pairs) {
            weighted.add(new Pair(
                    p.chosen(),
                    p.rejected(),
                    1.0 / pairs.size(),
                    p.votesFor(),
                    p.votesAgainst(),
                    p.margin(),
                    p.probability()));
        }
        return weighted;
    }

    /** Removes outputs that nothing is preferred to, again and again; what stays is a cycle. */
    private static boolean hasCycle(List<Pair> pairs, DistinctOutputs outputs) {
        boolean[] left = new boolean[outputs.ids().size()];
        Arrays.fill(left, true);
        boolean removed = true;
        while (removed) {
            boolean[] beaten = new boolean[left.length];
            for (Pair pair : pairs) {
                int rejected = outputs.index(pair.rejected());
                beaten[rejected] = beaten[rejected] || left[outputs.index(pair.chosen())];
            }
            removed = false;
            for (int i = 0; i < left.length; i++) {
                removed = removed || (left[i] && !beaten[i]);
                left[i] = left[i] && beaten[i];
            }
        }
        for (boolean stays : left) {
            if (stays) {
                return true;
            }
        }
        return false;
    }

    /** The vote matrix over distinct outputs. */
    private static final class Votes {
        private final DistinctOutputs outputs;
        private final List<String> ids;
        private final double[][] above;
        private final double[][] gap;
        private final int[][] voters;
        private final Map<String, Integer> unacceptable = new TreeMap<>();
        private int rankings;

        Votes(DistinctOutputs outputs) {
            this.outputs = outputs;
            this.ids = outputs.ids();
            this.above = new double[ids.size()][ids.size()];
            this.gap = new double[ids.size()][ids.size()];
            this.voters = new int[ids.size()][ids.size()];
        }

        void add(RankingSubmitted ranking, int[] ranks, double reliability) {
            add(ranks, reliability);
            if (!ranking.unacceptable().isEmpty()) {
                Set<String> marked = new TreeSet<>();
                ranking.unacceptable().forEach(id -> marked.add(outputs.canonical(id)));
                marked.forEach(id -> unacceptable.merge(id, 1, Integer::sum));
            }
        }

        /** One vote that alone decides, also about the margin. */
        void decideBy(List<List<String>> groups) {
            for (double[] row : gap) {
                Arrays.fill(row, 0);
            }
            rankings = 0;
            add(outputs.ranks(groups), 1);
        }

        private void add(int[] ranks, double reliability) {
            rankings++;
            for (int i = 0; i < ids.size(); i++) {
                for (int j = 0; j < ids.size(); j++) {
                    if (ranks[i] < ranks[j]) {
                        above[i][j] += reliability;
                        voters[i][j] += reliability > 0 ? 1 : 0;
                    }
                    gap[i][j] += ranks[j] - ranks[i];
                }
            }
        }

        void decide(RankingRules rules, List<Pair> pairs, List<Tie> ties) {
            for (int i = 0; i < ids.size(); i++) {
                for (int j = i + 1; j < ids.size(); j++) {
                    double total = above[i][j] + above[j][i];
                    double difference = Math.abs(above[i][j] - above[j][i]);
                    // How many have looked is one thing, whose word weighs more another.
                    boolean enough = voters[i][j] + voters[j][i] >= rules.minVotes();
                    boolean decided = enough && difference > 0 && difference / total >= rules.minMajority();
                    if (!decided) {
                        ties.add(new Tie(ids.get(i), ids.get(j), above[i][j], above[j][i]));
                    } else if (above[i][j] > above[j][i]) {
                        pairs.add(pair(i, j));
                    } else {
                        pairs.add(pair(j, i));
                    }
                }
            }
            pairs.sort(Comparator.comparing(Pair::chosen).thenComparing(Pair::rejected));
        }

        private Pair pair(int chosen, int rejected) {
            double votesFor = above[chosen][rejected];
            double votesAgainst = above[rejected][chosen];
            // A minority with large gaps can outweigh the votes; a margin against the decision is none.
            double margin = Math.max(0, gap[chosen][rejected] / rankings / (ids.size() - 1));
            return new Pair(
                    ids.get(chosen),
                    ids.get(rejected),
                    1,
                    votesFor,
                    votesAgainst,
                    margin,
                    (votesFor + 0.5) / (votesFor + votesAgainst + 1));
        }
    }
}
