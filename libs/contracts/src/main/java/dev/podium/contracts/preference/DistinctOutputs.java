package dev.podium.contracts.preference;

import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The outputs of a task as votes see them: outputs of equal text (NFC, white space at the ends left out) are one, named
 * by the smallest of their ids, so that no output is ever preferred to itself.
 */
public final class DistinctOutputs {
    private final List<String> ids;
    // Of all ids, and the index of each: a task has few outputs, to look at each is faster than to hash one.
    private final String[] all;
    private final int[] indexes;

    private DistinctOutputs(Map<String, String> canonical) {
        this.ids = List.copyOf(new TreeSet<>(canonical.values()));
        this.all = canonical.keySet().toArray(String[]::new);
        this.indexes = new int[all.length];
        for (int i = 0; i < all.length; i++) {
            indexes[i] = ids.indexOf(canonical.get(all[i]));
        }
    }

    /** The distinct outputs of a task. */
    public static DistinctOutputs of(Task task) {
        Map<String, String> byText = new HashMap<>();
        Map<String, String> canonical = new HashMap<>();
        List<Output> sorted = new ArrayList<>(task.outputs());
        sorted.sort(Comparator.comparing(Output::id));
        for (Output output : sorted) {
            String text =
                    Normalizer.normalize(output.text(), Normalizer.Form.NFC).strip();
            canonical.put(output.id(), byText.computeIfAbsent(text, t -> output.id()));
        }
        return new DistinctOutputs(canonical);
    }

    /** Sorted. */
    public List<String> ids() {
        return ids;
    }

    /** The id under which an output counts. */
    public String canonical(String id) {
        int index = find(id);
        return index < 0 ? id : ids.get(index);
    }

    /** Position in {@link #ids()}. */
    public int index(String id) {
        int index = find(id);
        if (index < 0) {
            throw new IllegalArgumentException("output " + id + " does not belong to the task");
        }
        return index;
    }

    private int find(String id) {
        for (int i = 0; i < all.length; i++) {
            if (all[i].equals(id)) {
                return indexes[i];
            }
        }
        return -1;
    }

    /**
     * Dense ranks 1, 2, 2, 3 in the order of {@link #ids()}; what is left out shares the place after the last. An output
     * that is ranked under two ids has the better place.
     */
    public int[] ranks(RankingSubmitted ranking) {
        return ranks(ranking.groups());
    }

    /** The same of ordered tie groups. */
    public int[] ranks(List<List<String>> groups) {
        int[] ranks = new int[ids.size()];
        int place = 0;
        for (List<String> group : groups) {
            boolean opened = false;
            for (String id : group) {
                int index = index(id);
                if (ranks[index] == 0) {
                    place += opened ? 0 : 1;
                    opened = true;
                    ranks[index] = place;
                }
            }
        }
        for (int i = 0; i < ranks.length; i++) {
            ranks[i] = ranks[i] == 0 ? place + 1 : ranks[i];
        }
        return ranks;
    }

    /**
     * Tie groups of distinct outputs, best first; what a ranking leaves out is the last group.
     *
     * @param ranks of a ranking, see {@link #ranks(RankingSubmitted)}
     */
    List<List<String>> groups(int[] ranks) {
        List<List<String>> groups = new ArrayList<>(ranks.length);
        String[] group = new String[ranks.length];
        for (int rank = 1; rank <= ranks.length; rank++) {
            int size = 0;
            for (int i = 0; i < ranks.length; i++) {
                if (ranks[i] == rank) {
                    group[size++] = ids.get(i);
                }
            }
            if (size > 0) {
                groups.add(size == 1 ? List.of(group[0]) : List.of(Arrays.copyOf(group, size)));
            }
        }
        return groups;
    }
}
