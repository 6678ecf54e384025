package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Names of objects in an {@link ArtifactStore}.
 *
 * <pre>
 *   artifacts/PROJECT/VERSION/SHA256     files of adapters and data sets
 *   checkpoints/ROUND/FILE               what a trainer on another machine goes on from
 * </pre>
 */
public final class StoredNames {
    /** What names of artifacts begin with. */
    public static final String ARTIFACTS = "artifacts/";

    /** What names of checkpoints begin with. */
    public static final String CHECKPOINTS = "checkpoints/";

    private StoredNames() {}

    /** Name of a file that a version was published with. */
    public static String artifact(String projectId, String version, String sha256) {
        return ARTIFACTS + plain(projectId) + "/" + plain(version) + "/" + sha256;
    }

    /** Name of a file of an unfinished round. */
    public static String checkpoint(String roundId, String file) {
        return checkpoints(roundId) + plain(file);
    }

    /** What the names of a round's files begin with. */
    public static String checkpoints(String roundId) {
        return CHECKPOINTS + plain(roundId) + "/";
    }

    /** Letters, digits, dots and hyphens stay; anything else becomes %XX, so that no id reaches beyond its folder. */
    private static String plain(String text) {
        StringBuilder name = new StringBuilder();
        for (byte b : text.getBytes(UTF_8)) {
            char c = (char) (b & 0xff);
            boolean plain = c < 128 && (Character.isLetterOrDigit(c) || c == '-' || c == '_' || c == '.');
            if (plain && !(c == '.' && name.isEmpty())) {
                name.append(c);
            } else {
                name.append(String.format("%%%02X", b & 0xff));
            }
        }
        return name.toString();
    }
}
