package dev.podium.contracts;

import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One prompt with K >= 2 outputs to be ranked. Value of {@link Topics#TASKS}.
 *
 * @param baseModel the project's base model
 * @param rules the project's rules at the time; a change publishes the task anew
 * @param sampleRoundId the SAMPLE round that made the outputs; absent for imports
 * @param group what kind of prompt it is, by which results are told apart: a source, a language, a subject
 * @param selection why a SAMPLE round chose the prompt; absent where it took them all
 */
public record Task(
        String projectId,
        String taskId,
        List<Message> prompt,
        List<Output> outputs,
        RankingRules rules,
        Optional<String> baseModel,
        Optional<String> sampleRoundId,
        Instant createdAt,
        Optional<String> group,
        Optional<Selection> selection) {
    /** Most outputs a task may have; the form's digit keys end at nine. */
    public static final int MAX_OUTPUTS = 9;

    public Task {
        Require.id(projectId, "projectId");
        Require.id(taskId, "taskId");
        prompt = List.copyOf(Require.present(prompt, "prompt"));
        outputs = List.copyOf(Require.present(outputs, "outputs"));
        rules = rules == null ? RankingRules.DEFAULT : rules;
        baseModel = baseModel == null ? Optional.empty() : baseModel;
        sampleRoundId = sampleRoundId == null ? Optional.empty() : sampleRoundId;
        Require.time(createdAt, "createdAt");
        group = group == null ? Optional.empty() : group;
        group.ifPresent(name -> Require.id(name, "group"));
        selection = selection == null ? Optional.empty() : selection;
        Require.that(!prompt.isEmpty(), "prompt has no message");
        Require.that(
                outputs.size() >= 2 && outputs.size() <= MAX_OUTPUTS,
                "a task needs 2 to " + MAX_OUTPUTS + " outputs, this one has " + outputs.size());
        Set<String> ids = new HashSet<>();
        for (Output output : outputs) {
            Require.that(ids.add(output.id()), "output id " + output.id() + " appears twice");
        }
    }

    /** A task of no group, whose prompt nobody selected. */
    public Task(
            String projectId,
            String taskId,
            List<Message> prompt,
            List<Output> outputs,
            RankingRules rules,
            Optional<String> baseModel,
            Optional<String> sampleRoundId,
            Instant createdAt) {
        this(
                projectId,
                taskId,
                prompt,
                outputs,
                rules,
                baseModel,
                sampleRoundId,
                createdAt,
                Optional.empty(),
                Optional.empty());
    }

    /**
     * Why a prompt was chosen to be ranked.
     *
     * @param reason {@link #DISAGREEMENT}, or {@link #UNIFORM}: drawn whatever its score, so that what is measured on
     *     those alone is unbiased
     * @param score how much the reward ensemble's members differ about the prompt's completions
     */
    public record Selection(String reason, double score) {
        public static final String DISAGREEMENT = "disagreement";
        public static final String UNIFORM = "uniform";

        public Selection {
            Require.text(reason, "selection.reason");
            Require.finite(score, "selection.score");
        }
    }
}
