package dev.podium.local.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** From imports and samples to tasks: each is announced as it is, and a sample becomes one task. */
final class TaskChecks {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Evidence evidence;
    private final Map<String, JsonNode> announced;

    TaskChecks(Evidence evidence) throws IOException {
        this.evidence = evidence;
        this.announced = TopicLog.newest(evidence.bootstrapServers(), "rlhf.tasks.v1");
    }

    /** PostgreSQL and the topic have the same tasks, with the same prompts and outputs; a set has those of its task. */
    Finding inTheLog(Connection database) throws SQLException, IOException {
        List<String> wrong = new ArrayList<>();
        Set<String> others = new TreeSet<>(announced.keySet());
        long looked = 0;
        try (Statement statement = database.createStatement();
                ResultSet rows = statement.executeQuery("select id, body from task")) {
            while (rows.next()) {
                looked++;
                others.remove(rows.getString(1));
                JsonNode known = announced.get(rows.getString(1));
                if (known == null) {
                    wrong.add("task " + rows.getString(1) + " is not in the log");
                } else if (differs(JSON.readTree(rows.getString(2)), known)) {
                    wrong.add("task " + rows.getString(1) + " is another one in the log");
                }
            }
        }
        others.forEach(task -> wrong.add("task " + task + " is in the log only"));
        TopicLog.newest(evidence.bootstrapServers(), "rlhf.preferences.v1").forEach((task, set) -> {
            JsonNode known = announced.get(task);
            if (known != null && differs(set, known)) {
                wrong.add("the preference set of task " + task + " has another prompt or other outputs");
            }
        });
        return new Finding("tasks_are_in_the_log_as_they_are", looked, wrong);
    }

    /** What a round has sampled is a task each, of the same outputs; a round that was killed samples the same again. */
    Finding ofSamples() throws IOException {
        List<String> wrong = new ArrayList<>();
        Set<String> sampled = new HashSet<>();
        for (ConsumerRecord<String, byte[]> record : TopicLog.read(evidence.bootstrapServers(), "rlhf.samples.v1")) {
            JsonNode sample = TopicLog.json(record);
            String name =
                    sample.path("roundId").asText() + "/" + sample.path("index").asInt();
            String task = UUID.nameUUIDFromBytes(name.getBytes(UTF_8)).toString();
            sampled.add(task);
            JsonNode known = announced.get(task);
            if (known == null) {
                wrong.add("sample " + name + " has become no task");
            } else if (differs(sample, known)) {
                wrong.add("sample " + name + " has become another task");
            }
        }
        announced.forEach((task, known) -> {
            if (known.hasNonNull("sampleRoundId") && !sampled.contains(task)) {
                wrong.add("task " + task + " is of a sample that nobody made");
            }
        });
        return new Finding("samples_are_tasks_once", announced.size(), wrong);
    }

    private static boolean differs(JsonNode some, JsonNode known) {
        return !some.path("prompt").equals(known.path("prompt"))
                || !some.path("outputs").equals(known.path("outputs"));
    }
}
