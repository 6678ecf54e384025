package dev.podium.feedback.exporting;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an export was: by it a reader knows that all of it came, and that it is what was sent.
 *
 * @param preferences how far {@code rlhf.preferences.v1} was read when the snapshot was taken: offset by partition
 */
public record ExportManifest(String id, String project, Instant at, Map<String, Long> preferences, List<File> files) {
    public ExportManifest {
        preferences = Map.copyOf(preferences);
        files = List.copyOf(files);
    }

    /**
     * A file.
     *
     * @param sets preference sets that were looked at
     * @param order what the places of a list are of: {@code pairs}, or the aggregation that made them; absent for the other
     *     formats, and for exports from before
     */
    public record File(
            String name, String format, long rows, long sets, long bytes, String sha256, Optional<String> order) {
        public File {
            order = order == null ? Optional.empty() : order;
        }
    }
}
