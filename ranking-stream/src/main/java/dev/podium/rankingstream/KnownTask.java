package dev.podium.rankingstream;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Message;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingRules;
import dev.podium.contracts.Task;
import dev.podium.contracts.preference.DistinctOutputs;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A task as the stream holds it: what rankings are compared with as objects, its prompt and its outputs as the JSON that
 * goes into each of its sets. Texts, which are most of a task, are neither parsed nor written again for a ranking.
 *
 * <p>Its row is a version, and the fields one after the other. Rows of earlier versions are the task's JSON; a task that
 * was stored so may have a row for each ranking.
 */
final class KnownTask {
    private static final byte VERSION = 1;
    private static final byte NONE = 0;
    private static final byte TEXT = 1;
    private static final byte JSON = 2;
    private static final List<Message> NO_PROMPT = List.of(Message.user(""));
    private static final Output.Provenance NO_PROVENANCE = Output.Provenance.imported();

    private final Task bare;
    private final byte[] prompt;
    private final byte[] outputs;
    private final byte[] selection;
    private final boolean allDistinct;
    private final boolean singleRankings;
    private @Nullable DistinctOutputs distinct;

    private KnownTask(
            Task bare,
            byte[] prompt,
            byte[] outputs,
            byte[] selection,
            boolean allDistinct,
            boolean singleRankings,
            @Nullable DistinctOutputs distinct) {
        this.bare = bare;
        this.prompt = prompt;
        this.outputs = outputs;
        this.selection = selection;
        this.allDistinct = allDistinct;
        this.singleRankings = singleRankings;
        this.distinct = distinct;
    }

    static KnownTask of(Task task) {
        return of(task, false);
    }

    private static KnownTask of(Task task, boolean singleRankings) {
        DistinctOutputs distinct = DistinctOutputs.of(task);
        return new KnownTask(
                bare(
                        task.projectId(),
                        task.taskId(),
                        task.outputs().stream().map(Output::id).toList(),
                        task.rules(),
                        task.baseModel(),
                        task.sampleRoundId(),
                        task.createdAt(),
                        task.group(),
                        task.selection()),
                EventJson.write(task.prompt()),
                EventJson.write(task.outputs()),
                task.selection().map(EventJson::write).orElse(new byte[0]),
                distinct.ids().size() == task.outputs().size(),
                singleRankings,
                distinct);
    }

    private static Task bare(
            String projectId,
            String taskId,
            List<String> outputIds,
            RankingRules rules,
            Optional<String> baseModel,
            Optional<String> sampleRoundId,
            Instant createdAt,
            Optional<String> group,
            Optional<Task.Selection> selection) {
        List<Output> outputs = new ArrayList<>(outputIds.size());
        // Each under a text of its own, as outputs are that count as one each.
        for (String id : outputIds) {
            outputs.add(new Output(id, Integer.toString(outputs.size()), NO_PROVENANCE, List.of()));
        }
        return new Task(
                projectId, taskId, NO_PROMPT, outputs, rules, baseModel, sampleRoundId, createdAt, group, selection);
    }

    // ---- what it says

    /** The task without what its prompt and its outputs say. */
    Task bare() {
        return bare;
    }

    String taskId() {
        return bare.taskId();
    }

    String projectId() {
        return bare.projectId();
    }

    /** The task. */
    Task task() {
        try {
            return new Task(
                    bare.projectId(),
                    bare.taskId(),
                    List.of(EventJson.read(prompt, Message[].class)),
                    List.of(EventJson.read(outputs, Output[].class)),
                    bare.rules(),
                    bare.baseModel(),
                    bare.sampleRoundId(),
                    bare.createdAt(),
                    bare.group(),
                    bare.selection());
        } catch (InvalidEventException e) {
            throw new IllegalStateException("the row of task " + taskId() + " cannot be read", e);
        }
    }

    DistinctOutputs distinct() {
        DistinctOutputs known = distinct;
        if (known == null) {
            known = DistinctOutputs.of(allDistinct ? bare : task());
            distinct = known;
        }
        return known;
    }

    byte[] promptJson() {
        return prompt;
    }

    byte[] outputsJson() {
        return outputs;
    }

    /** Empty where there is none. */
    byte[] selectionJson() {
        return selection;
    }

    /** Whether an earlier version may have left a row for each ranking. */
    boolean hasSingleRankings() {
        return singleRankings;
    }

    /** About how much it takes. */
    int bytes() {
        return prompt.length + outputs.length + 200;
    }

    /** The same with other texts or rules; its rankings stay where they are. */
    KnownTask anew(Task task) {
        return of(task, singleRankings);
    }

    boolean saysTheSameAs(KnownTask other) {
        return this == other
                || (bare.equals(other.bare)
                        && Arrays.equals(prompt, other.prompt)
                        && Arrays.equals(outputs, other.outputs));
    }

    // ---- its row

    byte[] row(RowWriter row) {
        RankingRules rules = bare.rules();
        boolean plainRules = rules.criteria().isEmpty();
        row.begin(VERSION)
                .put(singleRankings)
                .put(allDistinct)
                .put(bare.projectId())
                .put(bare.taskId())
                .put(bare.createdAt())
                .put(plainRules);
        if (plainRules) {
            row.put(rules.tiesAllowed())
                    .put((long) rules.topK())
                    .put((long) rules.overlap())
                    .put(rules.minVotes())
                    .put(rules.minMajority());
        } else {
            row.put(EventJson.write(rules));
        }
        put(row, bare.baseModel());
        put(row, bare.sampleRoundId());
        put(row, bare.group());
        row.put(selection).put((long) bare.outputs().size());
        for (Output output : bare.outputs()) {
            row.put(output.id());
        }
        return row.put(prompt).put(outputs).row();
    }

    private static void put(RowWriter row, Optional<String> text) {
        if (text.isEmpty()) {
            row.put(NONE);
        } else if (text.get().chars().noneMatch(c -> Character.isSurrogate((char) c))) {
            row.put(TEXT).put(text.get());
        } else {
            // Half a pair is no Unicode, and has no bytes; JSON has an escape for it.
            row.put(JSON).put(EventJson.write(text.get()));
        }
    }

    private static Optional<String> optional(RowReader row) throws InvalidEventException {
        return switch (row.readByte()) {
            case NONE -> Optional.empty();
            case JSON -> Optional.of(EventJson.read(row.readBytes(), String.class));
            default -> Optional.of(row.readText());
        };
    }

    static KnownTask read(byte[] stored) {
        try {
            if (stored.length > 0 && stored[0] == '{') {
                return of(EventJson.read(stored, Task.class), true);
            }
            RowReader row = new RowReader(stored, VERSION);
            boolean singleRankings = row.readFlag();
            boolean allDistinct = row.readFlag();
            String projectId = row.readText();
            String taskId = row.readText();
            Instant createdAt = row.readInstant();
            RankingRules rules = row.readFlag()
                    ? new RankingRules(row.readFlag(), row.readInt(), row.readInt(), row.readDouble(), row.readDouble())
                    : EventJson.read(row.readBytes(), RankingRules.class);
            Optional<String> baseModel = optional(row);
            Optional<String> sampleRoundId = optional(row);
            Optional<String> group = optional(row);
            byte[] selection = row.readBytes();
            List<String> outputIds = row.readTexts();
            Task bare = bare(
                    projectId,
                    taskId,
                    outputIds,
                    rules.equals(RankingRules.DEFAULT) ? RankingRules.DEFAULT : rules,
                    baseModel,
                    sampleRoundId,
                    createdAt,
                    group,
                    selection.length == 0
                            ? Optional.empty()
                            : Optional.of(EventJson.read(selection, Task.Selection.class)));
            return new KnownTask(bare, row.readBytes(), row.readBytes(), selection, allDistinct, singleRankings, null);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a row of the state cannot be read", e);
        }
    }
}
