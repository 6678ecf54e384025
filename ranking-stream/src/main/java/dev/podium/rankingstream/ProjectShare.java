package dev.podium.rankingstream;

import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.ProjectTotals;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import java.time.Instant;
import java.util.Optional;

/**
 * What one task adds to its project's totals.
 *
 * @param tasks 1 for a known task
 * @param rankedTasks 1 where at least one ranking counts
 * @param decidedTasks 1 where at least one pair is decided
 * @param cyclicTasks 1 where the decided pairs contain a cycle
 */
record ProjectShare(
        String projectId,
        long tasks,
        long rankedTasks,
        long decidedTasks,
        long cyclicTasks,
        long rankings,
        long pairs,
        long ties,
        Instant at)
        implements Share<ProjectShare> {
    /** @param set of the task; empty while nobody has ranked it */
    static ProjectShare of(Task task, Optional<PreferenceSet> set) {
        return new ProjectShare(
                task.projectId(),
                1,
                set.filter(s -> !s.rankings().isEmpty()).isPresent() ? 1 : 0,
                set.filter(PreferenceSet::decided).isPresent() ? 1 : 0,
                set.filter(PreferenceSet::cycle).isPresent() ? 1 : 0,
                set.map(ProjectShare::rankings).orElse(0L),
                set.map(s -> s.pairs().size()).orElse(0),
                set.map(s -> s.ties().size()).orElse(0),
                set.map(PreferenceSet::updatedAt).orElse(task.createdAt()));
    }

    /** A decision about the task is none. */
    private static long rankings(PreferenceSet set) {
        return set.rankings().stream()
                .filter(used -> used.topic().equals(Topics.RANKINGS))
                .count();
    }

    @Override
    public String key() {
        return projectId;
    }

    @Override
    public ProjectShare plus(ProjectShare o) {
        return new ProjectShare(
                projectId,
                tasks + o.tasks,
                rankedTasks + o.rankedTasks,
                decidedTasks + o.decidedTasks,
                cyclicTasks + o.cyclicTasks,
                rankings + o.rankings,
                pairs + o.pairs,
                ties + o.ties,
                at.isAfter(o.at) ? at : o.at);
    }

    @Override
    public ProjectShare minus(ProjectShare o) {
        return new ProjectShare(
                projectId,
                tasks - o.tasks,
                rankedTasks - o.rankedTasks,
                decidedTasks - o.decidedTasks,
                cyclicTasks - o.cyclicTasks,
                rankings - o.rankings,
                pairs - o.pairs,
                ties - o.ties,
                at);
    }

    @Override
    public boolean isNothing() {
        return tasks == 0
                && rankedTasks == 0
                && decidedTasks == 0
                && cyclicTasks == 0
                && rankings == 0
                && pairs == 0
                && ties == 0;
    }

    @Override
    public ProjectTotals figures() {
        return new ProjectTotals(projectId, tasks, rankedTasks, decidedTasks, cyclicTasks, rankings, pairs, ties, at);
    }
}
