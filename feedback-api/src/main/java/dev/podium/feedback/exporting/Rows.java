package dev.podium.feedback.exporting;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.lang.reflect.RecordComponent;
import java.util.List;

/** The rows of all formats: their components are the columns of a Parquet file and the fields of a JSON line. */
final class Rows {
    private Rows() {}

    /** One message of a conversation. */
    record Turn(String role, String content) {}

    /** TRL, preference, standard. */
    record TextPair(
            String prompt,
            String chosen,
            String rejected,
            double weight,
            double margin,
            @JsonProperty("task_id") String taskId) {}

    /** TRL, preference, conversational. */
    record ChatPair(
            List<Turn> prompt,
            List<Turn> chosen,
            List<Turn> rejected,
            double weight,
            double margin,
            @JsonProperty("task_id") String taskId) {}

    /** TRL, unpaired preference (KTO), standard. */
    record TextLabel(
            String prompt,
            String completion,
            boolean label,
            @JsonProperty("task_id") String taskId) {}

    /** TRL, unpaired preference (KTO), conversational. */
    record ChatLabel(
            List<Turn> prompt,
            List<Turn> completion,
            boolean label,
            @JsonProperty("task_id") String taskId) {}

    /**
     * A task with its order.
     *
     * @param ranks place of each completion, 1 is the best; empty where the votes go round in a circle
     * @param unacceptable how many labelers marked each completion so
     */
    record Listwise(
            List<Turn> prompt,
            List<String> completions,
            List<Integer> ranks,
            List<Integer> unacceptable,
            boolean cycle,
            @JsonProperty("task_id") String taskId) {}

    /** Two outputs that the votes do not separate. */
    record TiedPair(
            List<Turn> prompt,
            String first,
            String second,
            @JsonProperty("votes_first") double votesFirst,
            @JsonProperty("votes_second") double votesSecond,
            @JsonProperty("task_id") String taskId) {}

    /** A preference set as the stream published it, in JSON. */
    record Raw(String set) {}

    /** Name of a column. */
    static String name(RecordComponent column) {
        JsonProperty name = column.getAccessor().getAnnotation(JsonProperty.class);
        return name == null ? column.getName() : name.value();
    }

    /** A row's value in a column. */
    static Object value(Object row, RecordComponent column) {
        try {
            return column.getAccessor().invoke(row);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("a row cannot be read", e);
        }
    }
}
