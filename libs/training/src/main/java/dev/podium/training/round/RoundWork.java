package dev.podium.training.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.RoundState;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.training.data.DataSet;
import dev.podium.training.data.PinnedPreferences;
import dev.podium.training.publish.AdapterPublisher;
import dev.podium.training.publish.RoundEvents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidTxnTimeoutException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Takes one round from its command to its end. Runs on the one thread that does tensor work. */
final class RoundWork {
    private static final Logger LOG = LoggerFactory.getLogger(RoundWork.class);
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(2);
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
        this.mirror = new CheckpointMirror(config.publishing().store());
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
            Optional<PastEvents> past = untilKafkaAnswers(ticket, () -> past(command));
            if (past.isEmpty()) {
                return Outcome.ABANDONED;
            }
            RoundState state = past.get().state();
            if (state.ended()) {
                LOG.info(
                        "round {}: commanded again, but it has {} already; nothing is done",
                        command.roundId(),
                        state.label().toLowerCase(Locale.ROOT));
                discard(command);
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
        DataSet data = data(ticket, roundDir);
        requireData(command, data);
        try (BaseModelSource.OpenModel model = open(ticket, roundDir)) {
            // A whole model was opened as the base; what is left to fetch is an adapter.
            boolean whole = command.initialAdapter()
                    .filter(version -> model.name().equals(AdapterManifest.modelName(command.projectId(), version)))
                    .isPresent();
            Optional<AdapterFetch.Fetched> initial = adapter(
                    ticket,
                    whole ? Optional.empty() : command.initialAdapter(),
                    AdapterManifest.Kind.POLICY,
                    model,
                    roundDir.resolve("initial"));
            Optional<AdapterFetch.Fetched> reward = adapter(
                    ticket, command.rewardAdapter(), AdapterManifest.Kind.REWARD, model, roundDir.resolve("reward"));
            Optional<AdapterFetch.Fetched> mixed = adapter(
                    ticket, mixed(command.config()), AdapterManifest.Kind.POLICY, model, roundDir.resolve("mixed"));
            EventReporter reporter = new EventReporter(
                    ticket,
                    events,
                    info(data),
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
                    reward.map(RoundWork::rewardModel),
                    reporter,
                    ticket::mustStop,
                    mixed.map(AdapterFetch.Fetched::folder)));
            // A trainer may end early without a word when it is asked to; half a round is not published.
            if (ticket.isAbandoned()) {
                attempts.forgive();
                return abandoned(command);
            }
            return publish(ticket, result, model, used(result, data, roundDir), roundDir);
        } catch (RoundCancelled e) {
            attempts.forgive();
            throw e;
        }
    }

    /** The base model that the command names, or the whole model that the round builds on. */
    private BaseModelSource.OpenModel open(RoundTicket ticket, Path roundDir)
            throws RoundFailure, IOException, RoundCancelled {
        RoundCommand.StartRound command = ticket.command();
        Path target = roundDir.resolve("base");
        while (command.initialAdapter().isPresent()) {
            try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
                Optional<AdapterFetch.Fetched> model =
                        AdapterFetch.fetchModel(reader, config.publishing(), command, target);
                if (model.isEmpty()) {
                    break;
                }
                return models.open(target, model.get().manifest().modelName(), command.config());
            } catch (KafkaException e) {
                if (!pauseAfter(e, ticket)) {
                    throw new RoundCancelled(0);
                }
            }
        }
        return models.open(command.baseModel(), command.config());
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

    private DataSet data(RoundTicket ticket, Path roundDir) throws IOException, RoundCancelled, RoundFailure {
        if (Files.exists(DataSet.file(roundDir))) {
            return DataSet.read(roundDir);
        }
        RoundCommand.StartRound command = ticket.command();
        if (command.dataSet().isPresent()) {
            return earlierData(ticket, command.dataSet().get(), roundDir);
        }
        if (bringsItsData(command)) {
            return new DataSet(List.of(), 0);
        }
        Optional<DataSet> data = untilKafkaAnswers(ticket, () -> {
            try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
                return PinnedPreferences.read(
                        reader, command, wanted(command.config()), heldOutShare(command.config()), clock.instant());
            }
        });
        DataSet read = data.orElseThrow(() -> new RoundCancelled(0));
        read.write(roundDir);
        return read;
    }

    /** The data set of the round that is run again. */
    private DataSet earlierData(RoundTicket ticket, AdapterManifest.ArtifactFile file, Path roundDir)
            throws IOException, RoundCancelled, RoundFailure {
        Path fetched = roundDir.resolve("data-set.fetched");
        while (true) {
            try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
                new ArtifactReader(reader, config.publishing().store()).fetch(file, fetched);
                return DataSet.adopt(fetched, roundDir);
            } catch (ArtifactException e) {
                throw new RoundFailure(
                        "no_data",
                        "the data set of the earlier round cannot be read: " + e.getMessage()
                                + "; start a new round on the data of today",
                        e);
            } catch (KafkaException e) {
                if (!pauseAfter(e, ticket)) {
                    throw new RoundCancelled(0);
                }
            }
        }
    }

    /** Prompts are of use without a ranking; most else is learnt from pairs, some from ties or marks. */
    private static Predicate<PreferenceSet> wanted(RoundConfig config) {
        Predicate<PreferenceSet> decided = set -> set.decided() && !set.pairs().isEmpty();
        return switch (config) {
            case RoundConfig.Sample sample -> set -> true;
            case RoundConfig.Ppo ppo -> set -> true;
            case RoundConfig.Sft sft -> decided;
            case RoundConfig.Reward reward ->
                reward.loss().equals("davidson")
                        ? set -> !set.pairs().isEmpty() || !set.ties().isEmpty()
                        : decided;
            case RoundConfig.Dpo dpo ->
                dpo.loss().equals(RoundConfig.Dpo.UNPAIRED)
                        ? set -> !set.rankings().isEmpty()
                        : decided;
        };
    }

    private static double heldOutShare(RoundConfig config) {
        return switch (config) {
            case RoundConfig.Sample sample -> 0;
            case RoundConfig.Tuning tuning -> tuning.training().heldOutShare();
        };
    }

    /** Prompts or records of the command take the place of what was ranked. */
    private static boolean bringsItsData(RoundCommand.StartRound command) {
        return switch (command.kind()) {
            case SAMPLE, PPO -> !command.prompts().isEmpty();
            case SFT -> !command.records().isEmpty();
            case REWARD, DPO -> false;
        };
    }

    private static void requireData(RoundCommand.StartRound command, DataSet data) throws RoundFailure {
        if (data.isEmpty() && !bringsItsData(command)) {
            String remedy =
                    switch (command.kind()) {
                        case SAMPLE, PPO -> "give prompts, or import tasks first";
                        case SFT -> "give records, or rank some tasks first";
                        case REWARD, DPO -> "rank some tasks first, so that at least one has a decided pair";
                    };
            throw new RoundFailure(
                    "no_data",
                    "project " + command.projectId() + " had nothing to learn from when the round was triggered ("
                            + data.missing() + " preference sets could not be read); " + remedy);
        }
    }

    private Optional<AdapterFetch.Fetched> adapter(
            RoundTicket ticket,
            Optional<String> version,
            AdapterManifest.Kind kind,
            BaseModelSource.OpenModel model,
            Path target)
            throws RoundFailure, IOException, RoundCancelled {
        if (version.isEmpty()) {
            return Optional.empty();
        }
        while (true) {
            try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
                return Optional.of(AdapterFetch.fetch(
                        reader, config.publishing(), ticket.command(), version.get(), kind, base(model), target));
            } catch (KafkaException e) {
                if (!pauseAfter(e, ticket)) {
                    throw new RoundCancelled(0);
                }
            }
        }
    }

    private static AdapterManifest.BaseModel base(BaseModelSource.OpenModel model) {
        return new AdapterManifest.BaseModel(model.name(), model.sha256());
    }

    private static Optional<String> mixed(RoundConfig config) {
        return config instanceof RoundConfig.Sample sample
                ? Optional.of(sample.mixWith()).filter(version -> !version.isBlank())
                : Optional.empty();
    }

    private static RoundContext.RewardModel rewardModel(AdapterFetch.Fetched reward) {
        return new RoundContext.RewardModel(
                reward.folder(),
                reward.manifest().rewardGain().orElse(1.0),
                reward.manifest().rewardBias().orElse(0.0));
    }

    private static Map<String, Double> info(DataSet data) {
        Map<String, Double> info = new LinkedHashMap<>();
        info.put("tasks", (double) data.lines().size());
        info.put("heldOutTasks", (double)
                data.lines().stream().filter(line -> line.heldOut()).count());
        info.put("pairs", (double) data.lines().stream()
                .mapToInt(line -> line.set().pairs().size())
                .sum());
        info.put("rankings", (double) data.rankings());
        info.put("missing", (double) data.missing());
        return info;
    }

    private Outcome publish(
            RoundTicket ticket, RoundResult result, BaseModelSource.OpenModel model, DataSet data, Path roundDir)
            throws RoundFailure, IOException, RoundCancelled {
        RoundCommand.StartRound command = ticket.command();
        Map<String, Double> metrics = finite(result.metrics());
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
                if (!pauseAfter(e, ticket)) {
                    throw new RoundCancelled(totalSteps());
                }
                // A commit whose answer was lost has succeeded all the same.
                Optional<PastEvents> past = untilKafkaAnswers(ticket, () -> past(command));
                if (past.isPresent() && past.get().state().ended()) {
                    return published(command, AdapterPublisher.Outcome.ALREADY_PUBLISHED, publication.isPresent());
                }
            }
        }
    }

    private static Map<String, Double> finite(Map<String, Double> metrics) {
        Map<String, Double> finite = new TreeMap<>(metrics);
        finite.values().removeIf(value -> !Double.isFinite(value));
        return finite;
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
                base(model),
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
                failure.result().map(made -> finite(made.metrics())).orElse(Map.of()),
                failure.result().flatMap(RoundResult::evaluation));
        return events.tellSurely(event, ticket::isAbandoned) ? Outcome.FAILED : Outcome.ABANDONED;
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

    private void discard(RoundCommand.StartRound command) {
        try {
            WorkFolder.delete(folder.round(command.roundId()));
            mirror.discard(command.roundId());
        } catch (IOException e) {
            LOG.warn("round {}: its work folder was not deleted: {}", command.roundId(), e.toString());
        }
    }

    /** What no waiting mends. */
    private static boolean isRefusal(Throwable problem) {
        return problem instanceof AuthorizationException
                || problem instanceof AuthenticationException
                || problem instanceof RecordTooLargeException
                || problem instanceof InvalidTxnTimeoutException
                || problem instanceof UnsupportedVersionException
                || problem instanceof ConfigException;
    }

    private interface Question<T> {
        T ask();
    }

    /** Asks again while Kafka is away; empty when the round is to be left. */
    private <T> Optional<T> untilKafkaAnswers(RoundTicket ticket, Question<T> question) throws RoundFailure {
        while (true) {
            try {
                return Optional.of(question.ask());
            } catch (KafkaException e) {
                if (!pauseAfter(e, ticket)) {
                    return Optional.empty();
                }
            }
        }
    }

    /** Whether to try again. */
    private static boolean pauseAfter(KafkaException problem, RoundTicket ticket) throws RoundFailure {
        if (problem instanceof InterruptException || ticket.isAbandoned()) {
            return false;
        }
        if (isRefusal(problem) || (problem.getCause() != null && isRefusal(problem.getCause()))) {
            throw new RoundFailure(
                    "kafka_refused",
                    "Kafka refuses what the trainer asks for: " + problem.getMessage()
                            + "; mend the rights or limits and trigger the round again",
                    problem);
        }
        LOG.warn(
                "round {}: Kafka does not answer, trying again: {}",
                ticket.command().roundId(),
                problem.toString());
        try {
            Thread.sleep(RETRY_PAUSE);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
