package dev.podium.feedback.exporting;

import java.time.Instant;
import java.util.List;
import java.util.Map;

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
     */
    public record File(String name, String format, long rows, long sets, long bytes, String sha256) {}
}
