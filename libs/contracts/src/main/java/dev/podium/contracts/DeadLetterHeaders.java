package dev.podium.contracts;

/**
 * Headers that say why a record is in {@link Topics#DEAD_LETTERS}; its value is the raw bytes, its original headers are
 * kept.
 */
public final class DeadLetterHeaders {
    /** Stable code, e.g. {@code invalid_json}, {@code unknown_version}, {@code null_key}, {@code unknown_task}. */
    public static final String REASON = "podium_dlt_reason";

    /** For a person: what is wrong and what to do. */
    public static final String MESSAGE = "podium_dlt_message";

    public static final String TOPIC = "podium_dlt_topic";
    public static final String PARTITION = "podium_dlt_partition";
    public static final String OFFSET = "podium_dlt_offset";

    private DeadLetterHeaders() {}
}
