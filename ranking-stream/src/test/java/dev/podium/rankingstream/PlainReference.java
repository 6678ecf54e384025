package dev.podium.rankingstream;

import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.RankingEvent.RankingRetracted;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The rules once more, as slowly and plainly as possible and without a line of the real implementation: the oracle of
 * the property test. Works on texts, not on ids, and on the whole log at once.
 */
final class PlainReference {
    /** By {@code "chosen>rejected"}: votes for, votes against, weight, margin, probability. */
    final Map<String, List<Double>> pairs = new TreeMap<>();
    /** By {@code "first=second"}: votes for the first, votes for the second. */
    final Map<String, List<Double>> ties = new TreeMap<>();
    /** Labeler to revision of the rankings that count. */
    final Map<String, Integer> used = new TreeMap<>();
    /** Labeler to rankings, corrections, retractions, pairs compared, pairs agreed. */
    final Map<String, List<Long>> labelers = new TreeMap<>();

    final Map<String, Integer> unacceptable = new TreeMap<>();
    boolean cycle;

    PlainReference(Task task, List<RankingEvent> log, Map<String, Double> weights) {
        Map<String, String> textOf = new HashMap<>();
        Map<String, String> idOf = new HashMap<>();
        for (Output output : task.outputs()) {
            String text =
                    Normalizer.normalize(output.text(), Normalizer.Form.NFC).strip();
            textOf.put(output.id(), text);
            if (!idOf.containsKey(text) || output.id().compareTo(idOf.get(text)) < 0) {
                idOf.put(text, output.id());
            }
        }
        Map<String, RankingEvent> newest = new LinkedHashMap<>();
        for (RankingEvent event : log) {
            RankingEvent other = newest.get(event.labelerId());
            if (other == null || other.revision() < event.revision()) {
                newest.put(event.labelerId(), event);
            }
        }
        List<List<Set<String>>> ballots = new ArrayList<>();
        List<Double> weighs = new ArrayList<>();
        for (RankingEvent event : newest.values()) {
            if (event instanceof RankingSubmitted ranking) {
                used.put(ranking.labelerId(), ranking.revision());
                ballots.add(ballot(ranking, textOf));
                weighs.add(weights.getOrDefault(ranking.labelerId(), 1.0));
                Set<String> marked = new HashSet<>();
                ranking.unacceptable().forEach(id -> marked.add(idOf.get(textOf.get(id))));
                marked.forEach(id -> unacceptable.merge(id, 1, Integer::sum));
            }
        }
        List<String> ids = new ArrayList<>(new TreeSet<>(idOf.values()));
        for (String i : ids) {
            for (String j : ids) {
                if (i.compareTo(j) < 0 && !ballots.isEmpty()) {
                    decide(task, i, j, textOf, ballots, weighs, ids.size());
                }
            }
        }
        pairs.replaceAll((pair, figures) -> {
            List<Double> weighted = new ArrayList<>(figures);
            weighted.set(2, 1.0 / pairs.size());
            return weighted;
        });
        cycle = ids.stream().anyMatch(id -> reaches(id, id, new HashSet<>()));
        for (String labeler : newest.keySet()) {
            labelers.put(labeler, figures(labeler, log, newest.get(labeler), textOf));
        }
    }

    /** Groups of texts; a text counts where it comes first, and groups left empty are no place. */
    private static List<Set<String>> ballot(RankingSubmitted ranking, Map<String, String> textOf) {
        List<Set<String>> ballot = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (List<String> group : ranking.groups()) {
            Set<String> texts = new HashSet<>();
            for (String id : group) {
                if (seen.add(textOf.get(id))) {
                    texts.add(textOf.get(id));
                }
            }
            if (!texts.isEmpty()) {
                ballot.add(texts);
            }
        }
        return ballot;
    }

    private static int place(List<Set<String>> ballot, String text) {
        for (int place = 0; place < ballot.size(); place++) {
            if (ballot.get(place).contains(text)) {
                return place;
            }
        }
        return ballot.size();
    }

    private void decide(
            Task task,
            String i,
            String j,
            Map<String, String> textOf,
            List<List<Set<String>>> ballots,
            List<Double> weighs,
            int outputs) {
        double votesI = 0;
        double votesJ = 0;
        double gap = 0;
        int voters = 0;
        for (int b = 0; b < ballots.size(); b++) {
            List<Set<String>> ballot = ballots.get(b);
            double weight = weighs.get(b);
            int placeI = place(ballot, textOf.get(i));
            int placeJ = place(ballot, textOf.get(j));
            votesI += placeI < placeJ ? weight : 0;
            votesJ += placeJ < placeI ? weight : 0;
            voters += placeI != placeJ && weight > 0 ? 1 : 0;
            gap += placeJ - placeI;
        }
        double all = votesI + votesJ;
        boolean enough = voters >= task.rules().minVotes();
        boolean clear = votesI != votesJ
                && Math.abs(votesI - votesJ) / all >= task.rules().minMajority();
        double margin = gap / ballots.size() / (outputs - 1);
        if (!enough || !clear) {
            ties.put(i + "=" + j, List.of(votesI, votesJ));
        } else if (votesI > votesJ) {
            pairs.put(i + ">" + j, List.of(votesI, votesJ, 0.0, Math.max(0, margin), (votesI + 0.5) / (all + 1)));
        } else {
            pairs.put(j + ">" + i, List.of(votesJ, votesI, 0.0, Math.max(0, -margin), (votesJ + 0.5) / (all + 1)));
        }
    }

    private boolean reaches(String from, String to, Set<String> visited) {
        for (String pair : pairs.keySet()) {
            String[] ends = pair.split(">");
            if (ends[0].equals(from)
                    && (ends[1].equals(to) || (visited.add(ends[1]) && reaches(ends[1], to, visited)))) {
                return true;
            }
        }
        return false;
    }

    private List<Long> figures(
            String labeler, List<RankingEvent> log, RankingEvent newest, Map<String, String> textOf) {
        Set<Integer> submitted = new HashSet<>();
        Set<Integer> retracted = new HashSet<>();
        for (RankingEvent event : log) {
            if (event.labelerId().equals(labeler)) {
                (event instanceof RankingRetracted ? retracted : submitted).add(event.revision());
            }
        }
        long compared = 0;
        long agreed = 0;
        if (newest instanceof RankingSubmitted ranking) {
            List<Set<String>> ballot = ballot(ranking, textOf);
            for (String pair : pairs.keySet()) {
                String[] ends = pair.split(">");
                int chosen = place(ballot, textOf.get(ends[0]));
                int rejected = place(ballot, textOf.get(ends[1]));
                compared += chosen == rejected ? 0 : 1;
                agreed += chosen < rejected ? 1 : 0;
            }
        }
        return List.of(
                newest instanceof RankingSubmitted ? 1L : 0L,
                Math.max(0L, submitted.size() - 1),
                (long) retracted.size(),
                compared,
                agreed);
    }
}
