package dev.podium.rankingstream;

import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.DistinctOutputs;
import dev.podium.contracts.preference.HeldAdjudication;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * All that is held about one task: the task, once it is known, what each labeler said of it, how much their votes weigh
 * in the set as it was published, and somebody's decision where labelers did not agree. Never changes; what follows from
 * it is computed once.
 */
final class TaskState {
    private final Optional<Task> task;
    private final Map<String, HeldRanking> byLabeler;
    private final Map<String, Double> weights;
    private final Optional<HeldAdjudication> decision;
    private @Nullable Optional<PreferenceSet> set;
    private @Nullable DistinctOutputs outputs;

    /** @param weights by labeler; one that is not there weighs 1 */
    TaskState(
            Optional<Task> task,
            Map<String, HeldRanking> byLabeler,
            Map<String, Double> weights,
            Optional<HeldAdjudication> decision) {
        this(task, byLabeler, weights, decision, null);
    }

    private TaskState(
            Optional<Task> task,
            Map<String, HeldRanking> byLabeler,
            Map<String, Double> weights,
            Optional<HeldAdjudication> decision,
            @Nullable DistinctOutputs outputs) {
        this.task = task;
        this.outputs = outputs;
        this.byLabeler = Map.copyOf(byLabeler);
        this.weights = Map.copyOf(weights);
        this.decision = decision;
    }

    Optional<Task> task() {
        return task;
    }

    Map<String, HeldRanking> byLabeler() {
        return byLabeler;
    }

    Optional<HeldAdjudication> decision() {
        return decision;
    }

    double weight(String labeler) {
        return weights.getOrDefault(labeler, LabelerReliability.DEFAULT);
    }

    TaskState with(Task newTask) {
        return new TaskState(Optional.of(newTask), byLabeler, weights, decision, null);
    }

    TaskState with(HeldAdjudication newDecision) {
        HeldAdjudication counts = decision.map(newDecision::and).orElse(newDecision);
        return new TaskState(task, byLabeler, weights, Optional.of(counts), outputs);
    }

    /** The same with another weight of a labeler's votes. */
    TaskState weighing(String labeler, double weight) {
        if (weight == weight(labeler)) {
            return this;
        }
        Map<String, Double> all = new TreeMap<>(weights);
        if (weight == LabelerReliability.DEFAULT) {
            all.remove(labeler);
        } else {
            all.put(labeler, weight);
        }
        return new TaskState(task, byLabeler, all, decision, outputs);
    }

    TaskState with(HeldRanking ranking) {
        Map<String, HeldRanking> all = new TreeMap<>(byLabeler);
        all.merge(ranking.event().labelerId(), ranking, HeldRanking::and);
        return new TaskState(task, all, weights, decision, outputs);
    }

    boolean saysTheSameAs(TaskState other) {
        return task.equals(other.task)
                && byLabeler.equals(other.byLabeler)
                && weights.equals(other.weights)
                && decision.equals(other.decision);
    }

    /** What is published; empty as long as nobody has said anything about the task. */
    Optional<PreferenceSet> set() {
        Optional<PreferenceSet> known = set;
        if (known == null) {
            known = task.isEmpty() || byLabeler.isEmpty()
                    ? Optional.empty()
                    : Optional.of(PreferenceAggregation.aggregate(
                            task.get(), outputs(), byLabeler.values(), this::weight, decision));
            set = known;
        }
        return known;
    }

    /** The outputs of the task, which must be known. */
    DistinctOutputs outputs() {
        DistinctOutputs known = outputs;
        if (known == null) {
            known = DistinctOutputs.of(task.orElseThrow());
            outputs = known;
        }
        return known;
    }
}
