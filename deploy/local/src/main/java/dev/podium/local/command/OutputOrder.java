package dev.podium.local.command;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Orders of a task's outputs as people write them: by their numbers in the list, from 1. */
final class OutputOrder {
    static final String HELP = "outputs by number, best first, = for a tie: \"2 > 1 = 3\"; see podium quality task";

    private final List<String> ids = new ArrayList<>();

    /** @param task with its {@code outputs}, as the REST interface shows it to who decides */
    OutputOrder(JsonNode task) {
        task.path("outputs").forEach(output -> ids.add(output.path("id").asText()));
    }

    /** Ids in groups, of {@code "2 > 1 = 3"}. */
    List<List<String>> groups(String order) {
        List<List<String>> groups = new ArrayList<>();
        for (String group : order.split(">", -1)) {
            List<String> tied = new ArrayList<>();
            for (String number : group.split("=", -1)) {
                if (!number.strip().matches("[1-9]") || Integer.parseInt(number.strip()) > ids.size()) {
                    throw new IllegalArgumentException(
                            "'" + number.strip() + "' is no output of this task; it has 1 to " + ids.size()
                                    + ", written as in \"2 > 1 = 3\"");
                }
                tied.add(ids.get(Integer.parseInt(number.strip()) - 1));
            }
            groups.add(tied);
        }
        return groups;
    }

    /** The other way round. */
    String words(JsonNode groups) {
        List<String> words = new ArrayList<>();
        for (JsonNode group : groups) {
            List<String> tied = new ArrayList<>();
            group.forEach(id -> tied.add(Integer.toString(ids.indexOf(id.asText()) + 1)));
            words.add(String.join(" = ", tied));
        }
        return String.join(" > ", words);
    }
}
