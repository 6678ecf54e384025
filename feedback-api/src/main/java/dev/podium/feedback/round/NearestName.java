package dev.podium.feedback.round;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What somebody may have meant by a name that is not there. */
final class NearestName {
    private NearestName() {}

    /** Paths of all fields that are not objects themselves. */
    static List<String> paths(String prefix, ObjectNode node) {
        List<String> all = new ArrayList<>();
        node.properties().forEach(entry -> {
            String path = prefix + "." + entry.getKey();
            JsonNode value = entry.getValue();
            if (value instanceof ObjectNode inner) {
                all.addAll(paths(path, inner));
            } else {
                all.add(path);
            }
        });
        return all;
    }

    /** The path whose last part is nearest to a name, at most a third of its letters away. */
    static Optional<String> of(String name, List<String> paths) {
        return paths.stream()
                .filter(path -> 3 * distance(name, last(path)) <= Math.max(name.length(), 3))
                .min(Comparator.<String>comparingInt(path -> distance(name, last(path)))
                        .thenComparing(Comparator.naturalOrder()));
    }

    private static String last(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    /** Levenshtein's distance without regard to case, hyphens and underscores: learning_rate is learningRate. */
    static int distance(String one, String other) {
        String a = plain(one);
        String b = plain(other);
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int above = row[j];
                int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(change, 1 + Math.min(above, row[j - 1]));
                diagonal = above;
            }
        }
        return row[b.length()];
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[-_]", "");
    }
}
