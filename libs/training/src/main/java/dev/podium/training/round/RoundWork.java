package dev.podium.training.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.RoundState;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.training.data.DataSet;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.publish.AdapterPublisher;
import dev.podium.training.publish.RoundEvents;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Takes one round from its command to its end. Runs on the one thread that does tensor work. */
final class RoundWork {
    private static final Logger LOG = LoggerFactory.getLogger(RoundWork.class);
    private static final String LOGGED_ROUND = "roundId";
    private static final String LOGGED_TRACE = "traceId";

    private final RoundRunnerConfig config;
    private final WorkFolder folder;
    private final Map<RoundKind, Trainer> trainers;
    private final BaseModelSource models;
    private final RoundEvents events;
    private final AdapterPublisher publisher;
    private final CheckpointMirror mirror;
    private final Clock clock;
    private volatile @Nullable EventReporter reporter;
    // Of the round at work, once it is there; this thread's alone.
    private Map<String, Double> result = Map.of();

    RoundWork(
            RoundRunnerConfig config,
            WorkFolder folder,
            Map<RoundKind, Trainer> trainers,
            BaseModelSource models,
            RoundEvents events,
            Clock clock) {
        this.config = config;
        this.folder = folder;
        this.trainers = trainers;
        this.models = models;
        this.events = events;
        this.publisher =
                new AdapterPublisher(config.kafka(), "/" + config.trainer(), config.traces(), config.publishing());
        this.mirror = new CheckpointMirror(config.publishing().store(), System::nanoTime);
        this.clock = clock;
    }

    /** How a round left this process. */
    enum Outcome {
        SUCCEEDED,
        FAILED,
        CANCELLED,
        /** Its end was in the log already. */
        ENDED_BEFORE,
        /** Not ended; whoever reads the command next goes on. */
        ABANDONED
    }

    /** What the round at work has told last. */
    Optional<EventReporter> reporter() {
        return Optional.ofNullable(reporter);
    }

    /** Works until the round has ended, or must be left to another process. */
    Outcome run(RoundTicket ticket) {
        RoundCommand.StartRound command = ticket.command();
        MDC.put(LOGGED_ROUND, command.roundId());
        config.traces().of(command.roundId()).ifPresent(trace -> MDC.put(LOGGED_TRACE, trace.traceId()));
        try {
            Optional<PastEvents> past = Patience.ask(ticket, () -> past(command));
            if (past.isEmpty()) {
                return Outcome.ABANDONED;
            }
            RoundState state = past.get().state();
            if (state.ended()) {
                LOG.info(
                        "round {}: commanded again, but it has {} already; nothing is done",
                        command.roundId(),
                        state.label().toLowerCase(Locale.ROOT));
                clear(command, state);
                return Outcome.ENDED_BEFORE;
            }
            events.follow(command.roundId(), state);
            if (state instanceof RoundState.Requested) {
                LOG.info(
                        "round {}: {} of project {} accepted, triggered by {}",
                        command.roundId(),
                        command.kind(),
                        command.projectId(),
                        command.requestedBy());
                RoundEvent accepted = new RoundEvent.Accepted(
                        command.roundId(), command.projectId(), config.trainer(), clock.instant());
                if (!events.tellSurely(accepted, ticket::isAbandoned)) {
                    return Outcome.ABANDONED;
                }
            }
            Outcome outcome = work(ticket);
            config.tracker().ended(command, outcome.name(), outcome == Outcome.SUCCEEDED ? result : Map.of());
            return outcome;
        } catch (RoundFailure e) {
            return failed(ticket, e);
        } finally {
            events.forget(command.roundId());
            reporter = null;
            result = Map.of();
            MDC.remove(LOGGED_ROUND);
            MDC.remove(LOGGED_TRACE);
        }
    }

    private Outcome work(RoundTicket ticket) {
        RoundCommand.StartRound command = ticket.command();
        try {
            return trainAndPublish(ticket);
        } catch (RoundCancelled e) {
            return ticket.isAbandoned() ? abandoned(command) : cancelled(ticket, e.step());
        } catch (RoundFailure e) {
            return ticket.isAbandoned() ? abandoned(command) : failed(ticket, e);
        } catch (InterruptException e) {
            return abandoned(command);
        } catch (IOException | RuntimeException | Error e) {
            if (ticket.isAbandoned()) {
                return abandoned(command);
            }
            return failed(ticket, unforeseen(e));
        }
    }

    private Outcome trainAndPublish(RoundTicket ticket) throws RoundFailure, RoundCancelled, IOException {
        RoundCommand.StartRound command = ticket.command();
        if (ticket.mustStop()) {
            throw new RoundCancelled(0);
        }
        Trainer trainer = trainers.get(command.kind());
        if (trainer == null) {
            throw new RoundFailure("internal", config.trainer() + " has no trainer for " + command.kind());
        }
        Path roundDir = folder.round(command.roundId());
        mirror.restore(command.roundId(), roundDir);
        Attempts attempts = new Attempts(roundDir);
        attempts.begin();
        RoundInputs inputs = new RoundInputs(config, ticket, roundDir, clock);
        try {
            DataSet data = inputs.data();
            try (BaseModelSource.OpenModel model = inputs.open(models)) {
                return train(ticket, trainer, inputs, data, model, attempts);
            }
        } catch (RoundCancelled e) {
            attempts.forgive();
            throw e;
        }
    }

    private Outcome train(
            RoundTicket ticket,
            Trainer trainer,
            RoundInputs inputs,
            DataSet data,
            BaseModelSource.OpenModel model,
            Attempts attempts)
            throws RoundFailure, RoundCancelled, IOException {
        RoundCommand.StartRound command = ticket.command();
        Path roundDir = inputs.folder();
        Optional<AdapterFetch.Fetched> initial = inputs.initialAdapter(model);
        Optional<AdapterFetch.Fetched> reward = inputs.rewardAdapter(model);
        Optional<AdapterFetch.Fetched> mixed = inputs.mixedAdapter(model);
        EventReporter reporter = new EventReporter(
                ticket,
                events,
                RoundInputs.info(data),
                attempts,
                clock,
                config.tracker(),
                step -> mirror.save(command.roundId(), roundDir, step));
        this.reporter = reporter;
        RoundResult result = trainer.train(new RoundContext(
                command,
                data.trainingData(),
                model.files(),
                model.model(),
                roundDir,
                initial.map(AdapterFetch.Fetched::folder),
                reward.map(RoundInputs::rewardModel),
                reporter,
                ticket::mustStop,
                mixed.map(AdapterFetch.Fetched::folder)));
        // A trainer may end early without a word when it is asked to; half a round is not published.
        if (ticket.isAbandoned()) {
            attempts.forgive();
            return abandoned(command);
        }
        return publish(ticket, result, model, used(result, data, roundDir), roundDir);
    }

    /** What was left out while it was read for training is no part of the lineage. */
    private static DataSet used(RoundResult result, DataSet data, Path roundDir) throws IOException {
        if (result.adapter().isEmpty() || result.usedTasks().isEmpty()) {
            return data;
        }
        DataSet used = data.only(result.usedTasks().get());
        if (used.lines().size() == data.lines().size()) {
            // The file as it is: of a round that is run again its bytes are the first one's.
            return data;
        }
        used.write(Files.createDirectories(lineageDir(roundDir)));
        return used;
    }

    private static Path lineageDir(Path roundDir) {
        return roundDir.resolve("lineage");
    }

    private Outcome publish(
            RoundTicket ticket, RoundResult result, BaseModelSource.OpenModel model, DataSet data, Path roundDir)
            throws RoundFailure, IOException, RoundCancelled {
        RoundCommand.StartRound command = ticket.command();
        Map<String, Double> metrics = StepReporter.finite(result.metrics());
        this.result = metrics;
        requirePassed(command, result);
        Optional<AdapterPublisher.Publication> publication = result.adapter().isEmpty()
                ? Optional.empty()
                : Optional.of(publication(command, result, metrics, model, data, roundDir));
        RoundEvent.Succeeded success = new RoundEvent.Succeeded(
                command.roundId(),
                command.projectId(),
                publication.map(p -> p.draft().version()),
                metrics,
                clock.instant(),
                result.evaluation());
        events.requireMayFollow(success);
        while (true) {
            try {
                AdapterPublisher.Outcome outcome = publication.isPresent()
                        ? publisher.publish(publication.get(), success)
                        : publisher.publish(success, command.version());
                return published(command, outcome, publication.isPresent());
            } catch (KafkaException e) {
                if (!Patience.pauseAfter(e, ticket)) {
                    throw new RoundCancelled(totalSteps());
                }
                // A commit whose answer was lost has succeeded all the same.
                Optional<PastEvents> past = Patience.ask(ticket, () -> past(command));
                if (past.isPresent() && past.get().state().ended()) {
                    return published(command, AdapterPublisher.Outcome.ALREADY_PUBLISHED, publication.isPresent());
                }
            } catch (StoreAwayException e) {
                if (!Patience.pauseAfter(e, ticket)) {
                    throw new RoundCancelled(totalSteps());
                }
            }
        }
    }

    /** What does not pass its evaluation is not published; it stays in the round's folder. */
    private void requirePassed(RoundCommand.StartRound command, RoundResult made) throws RoundFailure {
        Optional<Evaluation.Verdict> verdict = made.evaluation().flatMap(Evaluation::verdict);
        if (verdict.isEmpty() || verdict.get().passed()) {
            return;
        }
        config.tracker().guarded(command, Guard.EVALUATION);
        throw new RoundFailure(
                "evaluation_failed",
                "nothing is published: " + verdict.get().reason()
                        + ". Rank more tasks, train longer or at another training.learningRate, and look at how"
                        + " labelers agree; training.publishIf=always publishes whatever comes out. The adapter is"
                        + " kept for a week in "
                        + made.adapter().map(a -> a.folder().toString()).orElse("the round's folder")
                        + " on the trainer's machine",
                made);
    }

    private Outcome published(RoundCommand.StartRound command, AdapterPublisher.Outcome outcome, boolean hasAdapter) {
        return switch (outcome) {
            case PUBLISHED, ALREADY_PUBLISHED -> {
                LOG.info(
                        "round {}: {} succeeded{}",
                        command.roundId(),
                        command.kind(),
                        hasAdapter ? ", adapter " + command.projectId() + "/" + command.version() + " published" : "");
                discard(command);
                yield Outcome.SUCCEEDED;
            }
            case FENCED -> abandoned(command);
        };
    }

    private AdapterPublisher.Publication publication(
            RoundCommand.StartRound command,
            RoundResult result,
            Map<String, Double> metrics,
            BaseModelSource.OpenModel model,
            DataSet data,
            Path roundDir)
            throws RoundFailure, IOException {
        RoundResult.TrainedAdapter adapter = result.adapter().orElseThrow();
        for (Optional<Double> number : java.util.List.of(adapter.rewardGain(), adapter.rewardBias())) {
            if (number.isPresent() && !Double.isFinite(number.get())) {
                throw new RoundFailure(
                        "not_finite", "the reward's gain or bias is not finite; lower training.learningRate");
            }
        }
        Path lineage = DataSet.file(lineageDir(roundDir));
        Optional<Path> dataSet = data.isEmpty()
                ? Optional.empty()
                : Optional.of(Files.exists(lineage) ? lineage : DataSet.file(roundDir));
        AdapterManifest draft = new AdapterManifest(
                command.projectId(),
                command.version(),
                adapter.kind(),
                command.roundId(),
                command.kind(),
                RoundInputs.base(model),
                command.config(),
                adapter.lora(),
                AdapterPublisher.describe(adapter.folder(), adapter.kind(), model.name(), adapter.lora()),
                dataSet.isPresent() ? Optional.of(ArtifactFiles.describe(dataSet.get())) : Optional.empty(),
                data.rankings(),
                command.initialAdapter(),
                command.rewardAdapter(),
                adapter.rewardGain(),
                adapter.rewardBias(),
                metrics,
                clock.instant(),
                result.evaluation());
        return new AdapterPublisher.Publication(draft, adapter.folder(), dataSet);
    }

    private Outcome failed(RoundTicket ticket, RoundFailure failure) {
        RoundCommand.StartRound command = ticket.command();
        if (failure.code().equals("internal")) {
            LOG.error("round {}: failed", command.roundId(), failure);
        } else {
            LOG.warn("round {}: failed, {}: {}", command.roundId(), failure.code(), failure.getMessage());
        }
        RoundEvent event = new RoundEvent.Failed(
                command.roundId(),
                command.projectId(),
                failure.code(),
                String.valueOf(failure.getMessage()),
                clock.instant(),
                failure.result()
                        .map(made -> StepReporter.finite(made.metrics()))
                        .orElse(Map.of()),
                failure.result().flatMap(RoundResult::evaluation));
        if (!events.tellSurely(event, ticket::isAbandoned)) {
            return Outcome.ABANDONED;
        }
        keepFailed(command);
        return Outcome.FAILED;
    }

    private Outcome cancelled(RoundTicket ticket, int step) {
        RoundCommand.StartRound command = ticket.command();
        LOG.info("round {}: cancelled at step {}", command.roundId(), step);
        RoundEvent event = new RoundEvent.Cancelled(command.roundId(), command.projectId(), step, clock.instant());
        if (!events.tellSurely(event, ticket::isAbandoned)) {
            return Outcome.ABANDONED;
        }
        discard(command);
        return Outcome.CANCELLED;
    }

    private static Outcome abandoned(RoundCommand.StartRound command) {
        LOG.info(
                "round {}: left at its last checkpoint; the next trainer that reads its command goes on",
                command.roundId());
        return Outcome.ABANDONED;
    }

    private static RoundFailure unforeseen(Throwable problem) {
        String text = String.valueOf(problem.getMessage());
        boolean memory = problem instanceof OutOfMemoryError
                || text.toLowerCase(Locale.ROOT).contains("out of memory")
                || text.contains("can't allocate memory");
        return memory
                ? new RoundFailure(
                        "out_of_memory",
                        "the memory did not suffice (" + firstLine(text) + "); lower training.maxLengthTokens or"
                                + " training.batchTasks, or take a larger machine",
                        problem)
                : new RoundFailure(
                        "internal",
                        problem.getClass().getSimpleName() + ": " + firstLine(text)
                                + "; the trainer's log has the whole story",
                        problem);
    }

    private static String firstLine(String text) {
        int end = text.indexOf('\n');
        return end < 0 ? text : text.substring(0, end);
    }

    private PastEvents past(RoundCommand.StartRound command) {
        try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
            return PastEvents.of(reader, command);
        }
    }

    private int totalSteps() {
        EventReporter current = reporter;
        return current == null ? 0 : current.step();
    }

    /** Removes what a round left that has ended here or elsewhere. */
    void clear(RoundCommand.StartRound command, RoundState ended) {
        if (ended instanceof RoundState.Failed) {
            keepFailed(command);
        } else {
            discard(command);
        }
    }

    /** The folder is for whoever looks into it; a copy for another trainer is of no use any more. */
    private void keepFailed(RoundCommand.StartRound command) {
        folder.failed(command.roundId());
        mirror.discard(command.roundId());
    }

    /** Removes what a round left that nobody goes on with. */
    void discard(RoundCommand.StartRound command) {
        try {
            folder.remove(command.roundId());
            mirror.discard(command.roundId());
        } catch (IOException | UncheckedIOException e) {
            LOG.warn("round {}: its work folder was not deleted: {}", command.roundId(), e.toString());
        }
    }
}
