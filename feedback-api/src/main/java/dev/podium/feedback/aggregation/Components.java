package dev.podium.feedback.aggregation;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Strongly connected components of small relations, by their transitive closure. */
final class Components {
    private Components() {}

    /**
     * The components, those that reach the others first. Where the relation is complete (of any two at least one is
     * related to the other) this order is the only one.
     */
    static List<List<Integer>> of(boolean[][] relation) {
        int k = relation.length;
        boolean[][] reaches = closure(relation);
        List<List<Integer>> components = new ArrayList<>();
        boolean[] placed = new boolean[k];
        for (int i = 0; i < k; i++) {
            if (!placed[i]) {
                List<Integer> component = new ArrayList<>();
                for (int j = i; j < k; j++) {
                    if (i == j || (reaches[i][j] && reaches[j][i])) {
                        component.add(j);
                        placed[j] = true;
                    }
                }
                components.add(component);
            }
        }
        components.sort(Comparator.comparingInt(c -> -reached(reaches, c.getFirst())));
        return components;
    }

    /** How many it reaches that do not reach it. */
    private static int reached(boolean[][] reaches, int from) {
        int n = 0;
        for (int to = 0; to < reaches.length; to++) {
            n += reaches[from][to] && !reaches[to][from] ? 1 : 0;
        }
        return n;
    }

    private static boolean[][] closure(boolean[][] relation) {
        int k = relation.length;
        boolean[][] reaches = new boolean[k][];
        for (int i = 0; i < k; i++) {
            reaches[i] = relation[i].clone();
        }
        for (int via = 0; via < k; via++) {
            for (int i = 0; i < k; i++) {
                for (int j = 0; j < k; j++) {
                    reaches[i][j] |= reaches[i][via] && reaches[via][j];
                }
            }
        }
        return reaches;
    }
}
