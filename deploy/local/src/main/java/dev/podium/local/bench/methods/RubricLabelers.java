package dev.podium.local.bench.methods;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RankingEvent;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import dev.podium.local.demo.SupportRubric;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/** Two labelers as in the demo, who see the rubric's score with noise, and mark brush-offs unacceptable. */
final class RubricLabelers {
    private static final int LABELERS = 2;
    private static final double NOISE = 0.5;
    /** Scores closer than this are a tie. */
    private static final double TIE = 0.15;
    /** Answers that score no more are marked. */
    private static final double UNACCEPTABLE = 1.5;

    private final SplittableRandom random;

    RubricLabelers(long seed) {
        this.random = new SplittableRandom(seed);
    }

    /** What ranking-stream would make of their rankings. */
    PreferenceSet rank(Task task) {
        List<HeldRanking> held = new ArrayList<>();
        for (int labeler = 0; labeler < LABELERS; labeler++) {
            held.add(HeldRanking.of(ranking(task, "labeler-" + labeler), 0, held.size()));
        }
        return PreferenceAggregation.aggregate(task, held, labeler -> 1.0);
    }

    private record Scored(String id, double score) {}

    private RankingEvent ranking(Task task, String labeler) {
        List<Scored> scored = new ArrayList<>();
        for (Output output : task.outputs()) {
            scored.add(new Scored(output.id(), SupportRubric.score(output.text()) + NOISE * gaussian()));
        }
        scored.sort(Comparator.comparingDouble(Scored::score).reversed());
        List<List<String>> groups = new ArrayList<>();
        List<String> unacceptable = new ArrayList<>();
        double last = Double.NaN;
        for (Scored output : scored) {
            if (last - output.score() < TIE) {
                groups.getLast().add(output.id());
            } else {
                groups.add(new ArrayList<>(List.of(output.id())));
                last = output.score();
            }
            if (output.score() <= UNACCEPTABLE) {
                unacceptable.add(output.id());
            }
        }
        return Rankings.of(task, labeler, groups, unacceptable);
    }

    private double gaussian() {
        double radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
        return radius * Math.cos(2 * Math.PI * random.nextDouble());
    }

    /** Rankings as they stand in the log. */
    static final class Rankings {
        private Rankings() {}

        static RankingEvent of(Task task, String labeler, List<List<String>> groups, List<String> unacceptable) {
            ObjectNode event = EventJson.mapper().createObjectNode();
            event.put("type", "RankingSubmitted");
            event.put("eventId", task.taskId() + "-" + labeler);
            event.put("projectId", task.projectId());
            event.put("taskId", task.taskId());
            event.put("labelerId", labeler);
            event.put("revision", 1);
            event.put("durationMillis", 0);
            ArrayNode all = event.putArray("groups");
            for (List<String> group : groups) {
                ArrayNode ids = all.addArray();
                group.forEach(ids::add);
            }
            ArrayNode marks = event.putArray("unacceptable");
            unacceptable.forEach(marks::add);
            event.put("at", task.createdAt().toString());
            try {
                return EventJson.read(EventJson.write(event), RankingEvent.class);
            } catch (InvalidEventException e) {
                throw new IllegalStateException("a ranking made here is no ranking", e);
            }
        }
    }
}
