package dev.podium.local.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** From the labelers' answers to the preference sets: each accepted ranking once, and nothing else. */
final class RankingChecks {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String RANKINGS = "rlhf.rankings.v1";

    private final Evidence evidence;
    private final List<Accepted> accepted;
    private final Map<String, Accepted> newest;
    private final List<ConsumerRecord<String, byte[]>> log;
    private final Map<String, JsonNode> tasks;
    private final Map<String, Double> weights;

    RankingChecks(Evidence evidence) throws IOException {
        this.evidence = evidence;
        this.accepted = Accepted.read(evidence.ledger());
        this.newest = Accepted.newest(accepted);
        this.log = TopicLog.read(evidence.bootstrapServers(), RANKINGS);
        this.tasks = TopicLog.newest(evidence.bootstrapServers(), "rlhf.tasks.v1");
        this.weights = weights(TopicLog.read(evidence.bootstrapServers(), "rlhf.reliabilities.v1"), evidence.project());
    }

    /** Of several weights of a labeler the one with the highest sequence counts, wherever it stands in the log. */
    private static Map<String, Double> weights(List<ConsumerRecord<String, byte[]>> published, String project)
            throws IOException {
        Map<String, JsonNode> newest = new HashMap<>();
        for (ConsumerRecord<String, byte[]> record : published) {
            JsonNode fact = TopicLog.json(record);
            if (fact.path("projectId").asText().equals(project)) {
                newest.merge(
                        fact.path("labelerId").asText(),
                        fact,
                        (a, b) -> a.path("sequence").asLong()
                                        >= b.path("sequence").asLong()
                                ? a
                                : b);
            }
        }
        Map<String, Double> weights = new TreeMap<>();
        newest.forEach(
                (labeler, fact) -> weights.put(labeler, fact.path("reliability").asDouble()));
        return weights;
    }

    /** What PostgreSQL says of labelers' weights is in the log, and what the log says is in PostgreSQL. */
    Finding weights(Connection database) throws SQLException {
        Map<String, Double> kept = new TreeMap<>();
        try (PreparedStatement statement = database.prepareStatement(
                "select labeler, reliability from labeler_reliability where project_id = ?")) {
            statement.setString(1, evidence.project());
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    kept.put(rows.getString(1), rows.getDouble(2));
                }
            }
        }
        List<String> wrong = new ArrayList<>();
        if (!kept.equals(weights)) {
            wrong.add("PostgreSQL has " + kept + ", the log " + weights);
        }
        return new Finding("labelers_weights_are_in_the_log", kept.size(), wrong);
    }

    /** Each (task, labeler) has one row, at the revision that was answered last, with what was sent. */
    Finding inPostgres(Connection database) throws SQLException, IOException {
        List<String> wrong = new ArrayList<>();
        Set<String> missing = new TreeSet<>(newest.keySet());
        try (Statement statement = database.createStatement();
                ResultSet rows =
                        statement.executeQuery("select task_id, labeler, revision, retracted, body from ranking")) {
            while (rows.next()) {
                String key = rows.getString(1) + " by " + rows.getString(2);
                missing.remove(key);
                Accepted wanted = newest.get(key);
                if (wanted == null) {
                    wrong.add("a row nobody was told of: " + key);
                } else if (rows.getInt(3) != wanted.revision() || rows.getBoolean(4) != wanted.retracted()) {
                    wrong.add(
                            key + " is at revision " + rows.getInt(3) + ", the labeler was told " + wanted.revision());
                } else if (!wanted.retracted()
                        && !Accepted.groups(JSON.readTree(rows.getString(5)).path("groups"))
                                .equals(wanted.groups())) {
                    wrong.add(key + " has other groups than were sent");
                }
            }
        }
        missing.forEach(key -> wrong.add("accepted, but without a row: " + key));
        return new Finding("accepted_rankings_are_in_postgresql_once", newest.size(), wrong);
    }

    /** Each accepted event is in the log, no other is, and copies of one event are the same. */
    Finding inTheLog() throws IOException {
        List<String> wrong = new ArrayList<>();
        Map<String, Accepted> byEvent = new HashMap<>();
        Set<String> revisions = new HashSet<>();
        for (Accepted each : accepted) {
            byEvent.put(each.event(), each);
            if (!revisions.add(each.key() + " " + each.revision())) {
                wrong.add("two requests were given revision " + each.revision() + " of " + each.key());
            }
        }
        Map<String, byte[]> seen = new HashMap<>();
        for (ConsumerRecord<String, byte[]> record : log) {
            String id = TopicLog.header(record, "ce_id");
            byte[] before = seen.putIfAbsent(id, record.value());
            Accepted wanted = byEvent.get(id);
            JsonNode event = TopicLog.json(record);
            if (wanted == null) {
                wrong.add("an event nobody was told of: " + id);
            } else if (before != null && !Arrays.equals(before, record.value())) {
                wrong.add("two copies of event " + id + " differ");
            } else if (!wanted.task().equals(record.key())
                    || !wanted.labeler().equals(event.path("labelerId").asText())
                    || wanted.revision() != event.path("revision").asInt()
                    || wanted.retracted() != event.path("type").asText().equals("RankingRetracted")
                    || !wanted.groups().equals(Accepted.groups(event.path("groups")))) {
                wrong.add("event " + id + " says something else than was sent");
            }
        }
        byEvent.keySet().stream()
                .filter(id -> !seen.containsKey(id))
                .forEach(id -> wrong.add("accepted, but not in the log: " + id));
        return new Finding("accepted_rankings_are_in_the_log_and_no_others", accepted.size(), wrong);
    }

    /** Copies that at-least-once delivery left in the log; no fault, but worth a look. */
    long copiesInTheLog() {
        return log.size()
                - log.stream()
                        .map(record -> TopicLog.header(record, "ce_id"))
                        .distinct()
                        .count();
    }

    /** Nothing waits to be sent. */
    Finding outboxIsEmpty(Connection database) throws SQLException {
        try (Statement statement = database.createStatement();
                ResultSet rows = statement.executeQuery("select count(*) from outbox")) {
            rows.next();
            return new Finding(
                    "outbox_is_empty", 1, rows.getLong(1) == 0 ? List.of() : List.of(rows.getLong(1) + " rows wait"));
        }
    }

    /** Each ranked task has the set that follows from what was accepted, and each ranking's place in the log is right. */
    Finding sets() throws IOException {
        List<String> wrong = new ArrayList<>();
        Map<String, JsonNode> sets = TopicLog.newest(evidence.bootstrapServers(), "rlhf.preferences.v1");
        Map<String, List<Accepted>> byTask = byTask();
        byTask.forEach((task, rankings) -> {
            JsonNode known = tasks.get(task);
            JsonNode set = sets.get(task);
            if (known == null || set == null) {
                wrong.add("task " + task + " has no " + (known == null ? "task event" : "preference set"));
                return;
            }
            Set<String> expected = new ReferenceSet(known, rankings, weights).statements();
            Set<String> found = ReferenceSet.of(set);
            if (!expected.equals(found)) {
                wrong.add("task " + task + " should say " + without(expected, found) + ", says "
                        + without(found, expected));
            }
        });
        sets.keySet().stream()
                .filter(task -> !byTask.containsKey(task))
                .forEach(task -> wrong.add("a set of a task nobody ranked: " + task));
        Map<String, String> places = new HashMap<>();
        log.forEach(record -> places.put(record.partition() + "@" + record.offset(), TopicLog.header(record, "ce_id")));
        sets.forEach((task, set) -> set.path("rankings").forEach(used -> {
            String place =
                    used.path("partition").asText() + "@" + used.path("offset").asText();
            if (!used.path("eventId").asText().equals(places.get(place))) {
                wrong.add("task " + task + " names " + place + " for event "
                        + used.path("eventId").asText());
            }
        }));
        return new Finding("preference_sets_equal_the_reference", byTask.size(), wrong);
    }

    /** Labelers' figures are sums, in which work that was done twice would show. */
    Finding labelers() throws IOException {
        Map<String, long[]> expected = new TreeMap<>();
        for (Accepted each : accepted) {
            long[] sums = expected.computeIfAbsent(each.labeler(), labeler -> new long[5]);
            sums[each.retracted() ? 2 : 1]++;
        }
        byTask().forEach((task, rankings) -> {
            JsonNode known = tasks.get(task);
            if (known == null) {
                return;
            }
            ReferenceSet set = new ReferenceSet(known, rankings, weights);
            for (Accepted ranking : rankings) {
                long[] sums = expected.computeIfAbsent(ranking.labeler(), labeler -> new long[5]);
                // Corrections are the submissions after the first of each task.
                sums[1]--;
                if (!ranking.retracted()) {
                    long[] agreement = set.agreement(ranking);
                    sums[0]++;
                    sums[3] += agreement[0];
                    sums[4] += agreement[1];
                }
            }
        });
        List<String> wrong = new ArrayList<>();
        Map<String, JsonNode> published = TopicLog.newest(evidence.bootstrapServers(), "rlhf.labelers.v1");
        expected.forEach((labeler, sums) -> {
            JsonNode figures = published.get(evidence.project() + "/" + labeler);
            String found = figures == null
                    ? "nothing"
                    : Arrays.toString(new long[] {
                        figures.path("rankings").asLong(),
                        figures.path("corrections").asLong(),
                        figures.path("retractions").asLong(),
                        figures.path("pairsCompared").asLong(),
                        figures.path("pairsAgreed").asLong()
                    });
            if (!found.equals(Arrays.toString(sums))) {
                wrong.add(labeler + " should have " + Arrays.toString(sums) + ", has " + found);
            }
        });
        return new Finding("labelers_figures_equal_the_reference", expected.size(), wrong);
    }

    /** The project's totals are sums, too. */
    Finding totals() throws IOException {
        long[] sums = new long[6];
        byTask().forEach((task, rankings) -> {
            JsonNode known = tasks.get(task);
            if (known != null) {
                Set<String> statements = new ReferenceSet(known, rankings, weights).statements();
                long used = count(statements, "used ");
                long pairs = count(statements, "pair ");
                sums[1] += used > 0 ? 1 : 0;
                sums[2] += pairs > 0 ? 1 : 0;
                sums[3] += used;
                sums[4] += pairs;
                sums[5] += count(statements, "tie ");
            }
        });
        sums[0] = tasks.size();
        JsonNode published =
                TopicLog.newest(evidence.bootstrapServers(), "rlhf.projects.v1").get(evidence.project());
        String found = published == null
                ? "nothing"
                : Arrays.toString(new long[] {
                    published.path("tasks").asLong(),
                    published.path("rankedTasks").asLong(),
                    published.path("decidedTasks").asLong(),
                    published.path("rankings").asLong(),
                    published.path("pairs").asLong(),
                    published.path("ties").asLong()
                });
        return new Finding(
                "project_totals_equal_the_reference",
                tasks.size(),
                found.equals(Arrays.toString(sums))
                        ? List.of()
                        : List.of(
                                "the project should have " + Arrays.toString(sums) + ", has " + found,
                                sentToTheProject()));
    }

    /** Tells on which side of the sum a wrong total comes from. */
    private String sentToTheProject() throws IOException {
        String topic = "podium-ranking-stream-project-shares";
        List<String> names = List.of("tasks", "rankedTasks", "decidedTasks", "rankings", "pairs", "ties");
        long[] sent = new long[names.size()];
        for (ConsumerRecord<String, byte[]> record : TopicLog.read(evidence.bootstrapServers(), topic)) {
            if (record.key().equals(evidence.project())) {
                JsonNode share = TopicLog.json(record);
                for (int i = 0; i < sent.length; i++) {
                    sent[i] += share.path(names.get(i)).asLong();
                }
            }
        }
        return "tasks have sent " + Arrays.toString(sent) + ", of which the sum has yet to take "
                + TopicLog.behind(evidence.bootstrapServers(), topic, "podium-ranking-stream")
                + " records and markers";
    }

    private static long count(Set<String> statements, String kind) {
        return statements.stream().filter(line -> line.startsWith(kind)).count();
    }

    /** Nothing that was sent could not be used. */
    Finding deadLetters() {
        List<String> wrong = TopicLog.read(evidence.bootstrapServers(), "rlhf.dead-letters.v1").stream()
                .map(record -> TopicLog.header(record, "podium_dlt_reason") + ": "
                        + TopicLog.header(record, "podium_dlt_message"))
                .toList();
        return new Finding("no_dead_letters", 1, wrong);
    }

    private Map<String, List<Accepted>> byTask() {
        Map<String, List<Accepted>> byTask = new TreeMap<>();
        newest.values()
                .forEach(each -> byTask.computeIfAbsent(each.task(), task -> new ArrayList<>())
                        .add(each));
        return byTask;
    }

    private static Set<String> without(Set<String> some, Set<String> others) {
        Set<String> left = new TreeSet<>(some);
        left.removeAll(others);
        return left;
    }
}
