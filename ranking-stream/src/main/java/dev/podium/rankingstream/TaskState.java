package dev.podium.rankingstream;

import dev.podium.contracts.LabelerReliability;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.DistinctOutputs;
import dev.podium.contracts.preference.HeldAdjudication;
import dev.podium.contracts.preference.HeldRanking;
import dev.podium.contracts.preference.PreferenceAggregation;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * All that is held about one task: the task, once it is known, what each labeler said of it, how much their votes weigh
 * in the set as it was published, and somebody's decision where labelers did not agree. Never changes; what follows from
 * it is computed once.
 */
final class TaskState {
    private final Optional<KnownTask> task;
    private final Map<String, HeldRanking> byLabeler;
    private final Map<String, Double> weights;
    private final Optional<HeldAdjudication> decision;
    private @Nullable Optional<PreferenceSet> set;

    /** @param weights by labeler; one that is not there weighs 1 */
    TaskState(
            Optional<Task> task,
            Map<String, HeldRanking> byLabeler,
            Map<String, Double> weights,
            Optional<HeldAdjudication> decision) {
        this(Map.copyOf(byLabeler), task.map(KnownTask::of), Map.copyOf(weights), decision);
    }

    /** The same of a task that is stored. */
    static TaskState of(
            KnownTask task,
            Map<String, HeldRanking> byLabeler,
            Map<String, Double> weights,
            Optional<HeldAdjudication> decision) {
        return new TaskState(Map.copyOf(byLabeler), Optional.of(task), Map.copyOf(weights), decision);
    }

    /** Of maps that nobody changes. */
    private TaskState(
            Map<String, HeldRanking> byLabeler,
            Optional<KnownTask> task,
            Map<String, Double> weights,
            Optional<HeldAdjudication> decision) {
        this.task = task;
        this.byLabeler = byLabeler;
        this.weights = weights;
        this.decision = decision;
    }

    Optional<KnownTask> known() {
        return task;
    }

    /** Without what its prompt and its outputs say. */
    Optional<Task> task() {
        return task.map(KnownTask::bare);
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
        KnownTask now = task.isPresent() ? task.get().anew(newTask) : KnownTask.of(newTask);
        return new TaskState(byLabeler, Optional.of(now), weights, decision);
    }

    TaskState with(HeldAdjudication newDecision) {
        HeldAdjudication counts = decision.map(newDecision::and).orElse(newDecision);
        return new TaskState(byLabeler, task, weights, Optional.of(counts));
    }

    /** The same with another weight of a labeler's votes. */
    TaskState weighing(String labeler, double weight) {
        if (weight == weight(labeler)) {
            return this;
        }
        Map<String, Double> all = new HashMap<>(weights);
        if (weight == LabelerReliability.DEFAULT) {
            all.remove(labeler);
        } else {
            all.put(labeler, weight);
        }
        return new TaskState(byLabeler, task, Map.copyOf(all), decision);
    }

    TaskState with(HeldRanking ranking) {
        Map<String, HeldRanking> all = new HashMap<>(byLabeler);
        all.merge(ranking.event().labelerId(), ranking, HeldRanking::and);
        return new TaskState(Collections.unmodifiableMap(all), task, weights, decision);
    }

    boolean saysTheSameAs(TaskState other) {
        return this == other
                || (saysTheSameOfTheTask(other)
                        && byLabeler.equals(other.byLabeler)
                        && weights.equals(other.weights)
                        && decision.equals(other.decision));
    }

    private boolean saysTheSameOfTheTask(TaskState other) {
        return task.isPresent() == other.task.isPresent()
                && (task.isEmpty() || task.get().saysTheSameAs(other.task.get()));
    }

    /** What is published, but for texts; empty as long as nobody has said anything about the task. */
    Optional<PreferenceSet> set() {
        Optional<PreferenceSet> known = set;
        if (known == null) {
            known = task.isEmpty() || byLabeler.isEmpty()
                    ? Optional.empty()
                    : Optional.of(PreferenceAggregation.aggregate(
                            task.get().bare(), outputs(), byLabeler.values(), this::weight, decision));
            set = known;
        }
        return known;
    }

    /** It is computed again where somebody asks: most tasks are held longer than their sets are of use. */
    void forgetSet() {
        set = null;
    }

    boolean weighsAs(TaskState other) {
        return weights == other.weights || weights.equals(other.weights);
    }

    /** The outputs of the task, which must be known. */
    DistinctOutputs outputs() {
        return task.orElseThrow().distinct();
    }
}
