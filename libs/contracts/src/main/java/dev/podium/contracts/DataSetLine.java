package dev.podium.contracts;

/**
 * One line of a round's data set, an immutable JSONL artifact: the preference set as it was read, and where it stood in
 * {@link Topics#PREFERENCES}. With {@link PreferenceSet#rankings()} it is the lineage from an adapter to labelers.
 *
 * @param heldOut kept from training, to judge the result
 */
public record DataSetLine(String topic, int partition, long offset, boolean heldOut, PreferenceSet set) {
    /** Name of the data set's file in {@link AdapterManifest#dataSet()}. */
    public static final String FILE_NAME = "data-set.jsonl";

    public DataSetLine {
        Require.text(topic, "topic");
        Require.present(set, "set");
    }
}
