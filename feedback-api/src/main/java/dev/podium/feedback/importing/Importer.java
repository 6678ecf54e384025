package dev.podium.feedback.importing;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.Output;
import dev.podium.contracts.RankingEvent.RankingSubmitted;
import dev.podium.contracts.Task;
import dev.podium.contracts.Topics;
import dev.podium.feedback.importing.ImportReport.LineError;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.ranking.Rankings;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.task.TaskRow;
import dev.podium.feedback.task.Tasks;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.text.Normalizer;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Imports lines as tasks and rankings. A task's id is a hash of project, prompt and outputs: importing a file again
 * changes nothing. Outputs are put in an order of their own first, so that no id tells which one the file had first: in a
 * pair that is the chosen one. Without {@code partial} the whole file is one transaction.
 */
@Singleton
class Importer {
    private static final int MAX_REPORTED_ERRORS = 1000;
    private static final int FLUSH_EVERY = 200;
    // What is held until it is flushed, and what one line may unfold to: a tree's conversation is in each of its tasks.
    private static final int FLUSH_CHARACTERS = 16 * 1024 * 1024;
    private static final int MAX_UNFOLDED_CHARACTERS = 64 * 1024 * 1024;
    private static final int TRANSACTION_SECONDS = 3600;

    private final EntityManager entities;
    private final Tasks tasks;
    private final Rankings rankings;

    Importer(EntityManager entities, Tasks tasks, Rankings rankings) {
        this.entities = entities;
        this.tasks = tasks;
        this.rankings = rankings;
    }

    ImportReport run(Project project, ImportFormat format, boolean partial, Lines lines) {
        Run run = new Run(project, format, partial);
        try {
            QuarkusTransaction.requiringNew().timeout(TRANSACTION_SECONDS).run(() -> {
                try {
                    run.all(lines);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                if (!partial && !run.errors.isEmpty()) {
                    throw new NothingStored();
                }
            });
        } catch (NothingStored e) {
            return run.report();
        }
        return run.report();
    }

    /** Rolls an all-or-nothing import back; the report says why. */
    private static final class NothingStored extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private final class Run {
        private final Project project;
        private final ImportFormat format;
        private final boolean partial;
        private final Instant now = Clock.systemUTC().instant();
        private final List<LineError> errors = new ArrayList<>();
        private String seenFormat = "";
        private long taskCount;
        private long rankingCount;
        private long duplicates;
        private long skipped;
        private long heldCharacters;

        Run(Project project, ImportFormat format, boolean partial) {
            this.project = project;
            this.format = format;
            this.partial = partial;
        }

        void all(Lines lines) throws IOException {
            long number = 0;
            for (Optional<byte[]> line = lines.next(); line.isPresent(); line = lines.next()) {
                number++;
                if (line.get().length == 0) {
                    continue;
                }
                try {
                    one(line.get());
                } catch (Refusal refusal) {
                    if (errors.size() < MAX_REPORTED_ERRORS) {
                        errors.add(new LineError(number, refusal.code(), String.valueOf(refusal.getMessage())));
                    }
                } catch (IllegalArgumentException e) {
                    if (errors.size() < MAX_REPORTED_ERRORS) {
                        errors.add(new LineError(number, "invalid_line", String.valueOf(e.getMessage())));
                    }
                }
                if (number % FLUSH_EVERY == 0) {
                    flush();
                }
            }
        }

        private void flush() {
            entities.flush();
            entities.clear();
            heldCharacters = 0;
        }

        private void one(byte[] line) {
            var json = Bodies.tree(line);
            ImportFormat actual = format == ImportFormat.AUTO ? ImportFormat.of(json) : format;
            if (seenFormat.isEmpty()) {
                seenFormat = actual.name().toLowerCase(java.util.Locale.ROOT);
            }
            List<ImportedTask> found = LineParser.parse(actual, json);
            if (found.isEmpty()) {
                skipped++;
            }
            // Build all before the first is stored: a bad tree leaves nothing half behind, also with partial.
            List<Built> built = new ArrayList<>();
            long characters = 0;
            for (ImportedTask each : found) {
                Built one = build(each);
                characters += one.characters();
                if (characters > MAX_UNFOLDED_CHARACTERS) {
                    throw Refusal.unprocessable(
                            "tree_too_large",
                            "the line's tasks, each with the conversation above it, have more than "
                                    + MAX_UNFOLDED_CHARACTERS + " characters; split the tree");
                }
                built.add(one);
            }
            built.forEach(this::store);
        }

        /**
         * A checked task with its checked ranking; storing it cannot fail for what it says.
         *
         * @param formerId what the task is called where it came in when outputs still kept the file's order
         */
        private record Built(
                Task task, String formerId, int characters, int priority, Optional<RankingSubmitted> ranking) {}

        private Built build(ImportedTask found) {
            // Equal texts are one output; it takes the best of its ranks.
            Map<String, Integer> distinct = new LinkedHashMap<>();
            List<String> texts = new ArrayList<>();
            int[] outputOf = new int[found.outputs().size()];
            for (int i = 0; i < outputOf.length; i++) {
                String text = found.outputs().get(i);
                String canonical =
                        Normalizer.normalize(text, Normalizer.Form.NFC).strip();
                Integer at = distinct.putIfAbsent(canonical, texts.size());
                if (at == null) {
                    at = texts.size();
                    texts.add(text);
                }
                outputOf[i] = at;
            }
            if (texts.size() < 2 || texts.size() > Task.MAX_OUTPUTS) {
                throw Refusal.unprocessable(
                        "wrong_number_of_outputs",
                        "a task needs 2 to " + Task.MAX_OUTPUTS + " different outputs, this one has " + texts.size());
            }
            List<String> sorted = texts.stream().sorted().toList();
            String id = id(found, sorted);
            List<Output> outputs = new ArrayList<>();
            for (int i = 0; i < sorted.size(); i++) {
                outputs.add(new Output(id + "-" + i, sorted.get(i), Output.Provenance.imported(), List.of()));
            }
            Task task = new Task(
                    project.id,
                    id,
                    found.prompt(),
                    outputs,
                    project.rules(),
                    Optional.of(project.baseModel),
                    Optional.empty(),
                    now,
                    found.group(),
                    Optional.empty());
            int characters = Outbox.requireFits(Topics.TASKS, task).length();
            Set<Integer> placed = new LinkedHashSet<>();
            List<List<String>> groups = new ArrayList<>();
            for (List<Integer> group : found.ranking()) {
                List<String> ids = new ArrayList<>();
                for (int position : group) {
                    if (placed.add(outputOf[position])) {
                        ids.add(id + "-" + sorted.indexOf(texts.get(outputOf[position])));
                    }
                }
                if (!ids.isEmpty()) {
                    groups.add(ids.stream().sorted().toList());
                }
            }
            return new Built(
                    task,
                    id(found, texts),
                    characters,
                    found.priority(),
                    groups.isEmpty()
                            ? Optional.empty()
                            : Optional.of(Rankings.imported(task, found.labeler(), groups, now)));
        }

        private void store(Built built) {
            Optional<Task> former = former(built);
            if (former.isEmpty() && tasks.add(built.task(), built.priority())) {
                taskCount++;
            } else {
                duplicates++;
            }
            if (built.ranking().isPresent()
                    && rankings.addImported(former.map(there -> ofFormer(there, built))
                            .orElse(built.ranking().get()))) {
                rankingCount++;
            }
            heldCharacters += built.characters();
            if (heldCharacters > FLUSH_CHARACTERS) {
                flush();
            }
        }

        private Optional<Task> former(Built built) {
            return built.formerId().equals(built.task().taskId())
                    ? Optional.empty()
                    : TaskRow.<TaskRow>findByIdOptional(built.formerId()).map(TaskRow::task);
        }

        /** The line's ranking, of the outputs as the task has them that is there. */
        private RankingSubmitted ofFormer(Task there, Built built) {
            Map<String, String> byText = new HashMap<>();
            there.outputs().forEach(output -> byText.put(output.text(), output.id()));
            Map<String, String> ids = new HashMap<>();
            built.task().outputs().forEach(output -> ids.put(output.id(), byText.get(output.text())));
            RankingSubmitted ranking = built.ranking().orElseThrow();
            return Rankings.imported(
                    there,
                    ranking.labelerId(),
                    ranking.groups().stream()
                            .map(group -> group.stream().map(ids::get).sorted().toList())
                            .toList(),
                    now);
        }

        private String id(ImportedTask found, List<String> texts) {
            try {
                MessageDigest digest = MessageDigest.getInstance("SHA-256");
                digest.update(
                        EventJson.writeText(Map.of("project", project.id, "prompt", found.prompt(), "outputs", texts))
                                .getBytes(StandardCharsets.UTF_8));
                return HexFormat.of().formatHex(digest.digest(), 0, 16);
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e);
            }
        }

        ImportReport report() {
            boolean nothing = !partial && !errors.isEmpty();
            return new ImportReport(
                    seenFormat.isEmpty() ? format.name().toLowerCase(java.util.Locale.ROOT) : seenFormat,
                    nothing ? 0 : taskCount,
                    nothing ? 0 : rankingCount,
                    duplicates,
                    skipped,
                    List.copyOf(errors));
        }
    }
}
