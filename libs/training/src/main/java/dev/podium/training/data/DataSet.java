package dev.podium.training.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.DataSetLine;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.PreferenceSet;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * What a round read, as an immutable JSONL file: written once, read again when the round goes on after a crash, and
 * published with the adapter.
 *
 * @param lines sorted by task id
 * @param missing tasks that were pinned but could not be read any more
 */
public record DataSet(List<DataSetLine> lines, int missing) {
    private static final String MISSING_FILE = "data-set.missing";

    public DataSet {
        List<DataSetLine> sorted = new ArrayList<>(lines);
        sorted.sort(Comparator.comparing(line -> line.set().taskId()));
        lines = List.copyOf(sorted);
    }

    /** The two splits. */
    public TrainingData trainingData() {
        List<PreferenceSet> train = new ArrayList<>();
        List<PreferenceSet> heldOut = new ArrayList<>();
        for (DataSetLine line : lines) {
            (line.heldOut() ? heldOut : train).add(line.set());
        }
        return new TrainingData(train, heldOut, missing);
    }

    /** What was really used, of all that was read. */
    public DataSet only(Set<String> tasks) {
        return new DataSet(
                lines.stream()
                        .filter(line -> tasks.contains(line.set().taskId()))
                        .toList(),
                missing);
    }

    /** Rankings that the sets were made of. */
    public long rankings() {
        return lines.stream().mapToLong(line -> line.set().rankings().size()).sum();
    }

    public boolean isEmpty() {
        return lines.isEmpty();
    }

    /** Where the file of a round is. */
    public static Path file(Path roundDir) {
        return roundDir.resolve(DataSetLine.FILE_NAME);
    }

    /** Writes aside, then renames: the file is there whole or not at all. */
    public void write(Path roundDir) throws IOException {
        WholeFile.write(roundDir.resolve(MISSING_FILE), Integer.toString(missing));
        WholeFile.write(file(roundDir), out -> {
            for (DataSetLine line : lines) {
                out.write(EventJson.write(line));
                out.write('\n');
            }
        });
    }

    /** Makes the data set of an earlier round this round's own, byte for byte. */
    public static DataSet adopt(Path earlier, Path roundDir) throws IOException {
        WholeFile.write(roundDir.resolve(MISSING_FILE), "0");
        WholeFile.write(file(roundDir), out -> Files.copy(earlier, out));
        Files.delete(earlier);
        return read(roundDir);
    }

    /** Reads what {@link #write} wrote. */
    public static DataSet read(Path roundDir) throws IOException {
        List<DataSetLine> lines = new ArrayList<>();
        try (BufferedReader in = Files.newBufferedReader(file(roundDir))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                lines.add(EventJson.read(line.getBytes(UTF_8), DataSetLine.class));
            }
        } catch (InvalidEventException e) {
            throw new IOException(file(roundDir) + " is damaged: " + e.getMessage(), e);
        }
        return new DataSet(lines, WholeFile.count(roundDir.resolve(MISSING_FILE)));
    }
}
