package dev.podium.rankingstream;

import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.preference.HeldRanking;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a task adds to all sums.
 *
 * @param project empty where the task is not known yet, or not in the totals yet
 * @param labelers one of each labeler who has ranked the task
 */
record Contribution(Optional<ProjectShare> project, List<LabelerShare> labelers) {
    private static final Contribution NOTHING = new Contribution(Optional.empty(), List.of());

    Contribution {
        // As JSON leaves it out.
        project = project == null ? Optional.empty() : project;
        labelers = labelers == null ? List.of() : List.copyOf(labelers);
    }

    /** @param inTotals whether the project's totals count the task */
    static Contribution of(TaskState state, boolean inTotals) {
        if (state.task().isEmpty()) {
            return NOTHING;
        }
        Optional<PreferenceSet> set = state.set();
        List<LabelerShare> labelers = new ArrayList<>();
        if (set.isPresent()) {
            for (HeldRanking held : state.byLabeler().values()) {
                labelers.add(LabelerShare.of(held, set.get(), state.outputs()));
            }
        }
        return new Contribution(
                inTotals ? Optional.of(ProjectShare.of(state.task().get(), set)) : Optional.empty(), labelers);
    }

    /** Adds the difference between this and what the sums have of the task already. */
    void addTo(
            Sums<LabelerShare> labelerSums,
            Sums<ProjectShare> projectSums,
            Contribution before,
            long timestamp,
            Optional<String> traceParent) {
        project.ifPresent(now -> projectSums.add(before.project.map(now::minus).orElse(now), timestamp, traceParent));
        Map<String, LabelerShare> had = new HashMap<>();
        before.labelers.forEach(share -> had.put(share.labelerId(), share));
        for (LabelerShare now : labelers) {
            LabelerShare then = had.get(now.labelerId());
            labelerSums.add(then == null ? now : now.minus(then), timestamp, traceParent);
        }
    }
}
