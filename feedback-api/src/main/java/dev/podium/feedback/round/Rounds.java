package dev.podium.feedback.round;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Message;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundCommand.PartitionEnd;
import dev.podium.contracts.RoundCommand.SftRecord;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.Topics;
import dev.podium.feedback.adapter.Announced;
import dev.podium.feedback.artifact.Retention;
import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.kafka.KafkaAccess;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.IdempotentAnswers;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.kafka.common.KafkaException;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/** Starts and cancels rounds: checks everything that can be checked before a trainer is bothered. */
@Singleton
public class Rounds {
    private static final int MAX_PROMPTS = 100_000;

    private final EntityManager entities;
    private final Outbox outbox;
    private final KafkaAccess kafka;
    private final Retention retention;
    private final Set<String> baseModels;
    private final AuditLog audit;
    private final Announced announced;

    Rounds(
            EntityManager entities,
            Outbox outbox,
            KafkaAccess kafka,
            AuditLog audit,
            Retention retention,
            Announced announced,
            @ConfigProperty(name = "podium.base-models") Set<String> baseModels) {
        this.entities = entities;
        this.outbox = outbox;
        this.kafka = kafka;
        this.audit = audit;
        this.retention = retention;
        this.announced = announced;
        this.baseModels = baseModels;
    }

    /** A stored round, and whether this call made it. */
    public record Started(RoundRow round, boolean isNew) {}

    /** The operator's name for a request, and what tells it from others. */
    public record Key(String key, String requestSha256) {}

    /**
     * Where a round comes from that an operator did not describe by hand.
     *
     * @param reason for whoever looks at the round later
     * @param rerunOf the round that is run again
     * @param dataSet that round's data set, to be read again
     * @param pin that round's pin, where it has no data set; absent: the data of now
     */
    public record Origin(
            Optional<String> reason,
            Optional<String> rerunOf,
            Optional<ArtifactFile> dataSet,
            Optional<List<PartitionEnd>> pin) {
        /** By an operator's hand. */
        public static final Origin NEW =
                new Origin(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

        /** By a rule or a plan. */
        public static Origin because(String reason) {
            return new Origin(Optional.of(reason), Optional.empty(), Optional.empty(), Optional.empty());
        }
    }

    private record Checked(
            String baseModel,
            RoundConfig config,
            List<List<Message>> prompts,
            List<SftRecord> records,
            Optional<String> initial,
            Optional<String> reward) {}

    /** Starts a round; the same key of the same operator gives the same round. */
    public Started start(String project, NewRound wanted, Optional<Key> key, String operator) {
        return start(project, wanted, key, operator, Origin.NEW);
    }

    /** Starts a round that comes from somewhere else than an operator's form. */
    public Started start(String project, NewRound wanted, Optional<Key> key, String operator, Origin origin) {
        if (wanted.kind() == null) {
            throw Refusal.unprocessable("invalid_kind", "kind must be SAMPLE, SFT, REWARD, DPO or PPO.");
        }
        RoundKind kind = wanted.kind();
        Optional<RoundRow> before = QuarkusTransaction.requiringNew().call(() -> before(project, key, operator));
        if (before.isPresent()) {
            return new Started(before.get(), false);
        }
        named(wanted).filter(version -> !version.isBlank()).forEach(version -> announced.await(project, version));
        Checked checked = QuarkusTransaction.requiringNew().call(() -> check(project, kind, wanted));
        return stored(project, kind, checked, key, operator, origin);
    }

    /** Versions that a round needs, as an operator has written them. */
    private static Stream<String> named(NewRound wanted) {
        JsonNode config = wanted.config() == null ? MissingNode.getInstance() : wanted.config();
        return Stream.of(
                        Optional.ofNullable(wanted.initialAdapter()),
                        Optional.ofNullable(wanted.rewardAdapter()),
                        Optional.of(config.path("mixWith").asText()))
                .flatMap(Optional::stream);
    }

    /**
     * Starts a round again: what its command said, under a new id and version.
     *
     * @param first its command
     * @param initial in place of the adapter that the first one continued
     * @param reward in place of the adapter that the first one was scored by
     */
    Started again(
            RoundCommand.StartRound first,
            Optional<String> initial,
            Optional<String> reward,
            Optional<Key> key,
            String operator,
            Origin origin) {
        String project = first.projectId();
        Optional<RoundRow> before = QuarkusTransaction.requiringNew().call(() -> before(project, key, operator));
        if (before.isPresent()) {
            return new Started(before.get(), false);
        }
        Checked checked = new Checked(
                first.baseModel(),
                first.config(),
                first.prompts(),
                first.records(),
                initial.or(first::initialAdapter),
                reward.or(first::rewardAdapter));
        QuarkusTransaction.requiringNew().run(() -> {
            checked.initial().ifPresent(version -> requireAdapter(project, version, "POLICY"));
            checked.reward().ifPresent(version -> requireAdapter(project, version, "REWARD"));
            if (origin.dataSet().isEmpty() && origin.pin().isEmpty()) {
                requireData(project, first.kind(), first.prompts(), first.records());
            }
        });
        return stored(project, first.kind(), checked, key, operator, origin);
    }

    private Started stored(
            String project, RoundKind kind, Checked checked, Optional<Key> key, String operator, Origin origin) {
        // Kafka may be slow or away: nothing is locked meanwhile.
        List<PartitionEnd> pin = origin.pin().orElseGet(this::pin);
        return QuarkusTransaction.requiringNew().call(() -> store(project, kind, checked, pin, key, operator, origin));
    }

    private static Optional<RoundRow> before(String project, Optional<Key> key, String operator) {
        if (key.isEmpty()) {
            return Optional.empty();
        }
        Optional<RoundRow> before = RoundRow.<RoundRow>find(
                        "projectId = ?1 and requestedBy = ?2 and idempotencyKey = ?3",
                        project,
                        operator,
                        key.get().key())
                .firstResultOptional();
        before.map(row -> row.requestSha256)
                .ifPresent(sha256 ->
                        IdempotentAnswers.requireSame(sha256, key.get().requestSha256()));
        return before;
    }

    private Checked check(String project, RoundKind kind, NewRound wanted) {
        Project home = Project.required(project);
        String baseModel = wanted.baseModel() == null ? home.baseModel : wanted.baseModel();
        if (!baseModels.contains(baseModel)) {
            throw Refusal.unprocessable(
                    "unknown_base_model",
                    "There is no base model " + baseModel + "; known are "
                            + baseModels.stream().sorted().toList() + " (podium.base-models).");
        }
        RoundConfig config = wanted.effectiveConfig(kind);
        List<List<Message>> prompts = wanted.messages();
        List<SftRecord> records = wanted.sftRecords();
        requireData(project, kind, prompts, records);
        Optional<String> initial = Optional.ofNullable(wanted.initialAdapter()).filter(v -> !v.isBlank());
        initial.ifPresent(version -> requireInitial(project, version, config));
        boolean scored = kind == RoundKind.PPO;
        if (config instanceof RoundConfig.Sample sample) {
            scored = sample.selects();
            if (!sample.mixWith().isBlank()) {
                requireAdapter(project, sample.mixWith(), "POLICY");
            }
        }
        return new Checked(
                baseModel, config, prompts, records, initial, reward(project, scored, wanted.rewardAdapter()));
    }

    private Started store(
            String project,
            RoundKind kind,
            Checked checked,
            List<PartitionEnd> pin,
            Optional<Key> key,
            String operator,
            Origin origin) {
        // Under the project's lock: of two requests with one key the second sees the first's round.
        Project.lock(project);
        checked.initial().ifPresent(version -> requireKept(project, version));
        checked.reward().ifPresent(version -> requireKept(project, version));
        Optional<RoundRow> twin = before(project, key, operator);
        if (twin.isPresent()) {
            return new Started(twin.get(), false);
        }
        Instant now = Clock.systemUTC().instant();
        RoundRow row = new RoundRow();
        row.id = UUID.randomUUID().toString();
        row.projectId = project;
        row.kind = kind.name();
        row.version = Project.nextVersion(project);
        row.config = EventJson.writeText(checked.config());
        row.initialAdapter = checked.initial().orElse(null);
        row.rewardAdapter = checked.reward().orElse(null);
        row.idempotencyKey = key.map(Key::key).orElse(null);
        row.requestSha256 = key.map(Key::requestSha256).orElse(null);
        row.requestedBy = operator;
        row.requestedAt = now;
        row.reason = origin.reason().orElse(null);
        row.rerunOf = origin.rerunOf().orElse(null);
        row.dataSetSha256 = origin.dataSet().map(ArtifactFile::sha256).orElse(null);
        row.persist();
        RoundCommand command = new RoundCommand.StartRound(
                row.id,
                project,
                kind,
                row.version,
                checked.baseModel(),
                checked.config(),
                pin,
                checked.initial(),
                checked.reward(),
                checked.prompts(),
                checked.records(),
                operator,
                now,
                origin.dataSet(),
                origin.rerunOf());
        outbox.add(Topics.ROUND_COMMANDS, row.id, UUID.randomUUID().toString(), row.id, command, now);
        audit.append(Act.of("round.started", row.id)
                .in(project)
                .with("kind", kind)
                .with("version", row.version)
                .with("initialAdapter", checked.initial())
                .with("rewardAdapter", checked.reward()));
        return new Started(row, true);
    }

    private void requireData(String project, RoundKind kind, List<List<Message>> prompts, List<SftRecord> records) {
        if (prompts.size() > MAX_PROMPTS || records.size() > MAX_PROMPTS) {
            throw Refusal.unprocessable(
                    "too_many_prompts", "A round takes at most " + MAX_PROMPTS + " prompts or records.");
        }
        boolean enough =
                switch (kind) {
                    case REWARD, DPO ->
                        count("select count(*) from preference where project_id = :p and decided", project) > 0;
                    case SFT ->
                        !records.isEmpty()
                                || count("select count(*) from preference where project_id = :p and decided", project)
                                        > 0;
                    case SAMPLE, PPO ->
                        !prompts.isEmpty()
                                || count("select count(*) from preference where project_id = :p", project) > 0;
                };
        if (!enough) {
            throw Refusal.unprocessable(
                    "no_data",
                    switch (kind) {
                        case REWARD, DPO -> "There is no decided pair yet: rank some tasks first.";
                        case SFT -> "There is nothing to imitate yet: send records, or rank some tasks first.";
                        case SAMPLE, PPO -> "There is no prompt yet: send prompts, or rank some tasks first.";
                    });
        }
    }

    private long count(String sql, String project) {
        return ((Number) entities.createNativeQuery(sql)
                        .setParameter("p", project)
                        .getSingleResult())
                .longValue();
    }

    /** A policy adapter to continue, or a whole model to build on. */
    private void requireInitial(String project, String version, RoundConfig config) {
        if (kindOf(project, version).filter("MODEL"::equals).isPresent()) {
            return;
        }
        requireAdapter(project, version, "POLICY");
        if (config instanceof RoundConfig.Sft sft && sft.isFull()) {
            throw Refusal.unprocessable(
                    "unknown_adapter",
                    "Full fine-tuning starts from a model, not from an adapter: leave initialAdapter out, or name a"
                            + " version of kind MODEL.");
        }
    }

    private Optional<String> kindOf(String project, String version) {
        return entities.createNativeQuery(
                        "select kind from adapter where project_id = :p and version = :v", String.class)
                .setParameter("p", project)
                .setParameter("v", version)
                .getResultStream()
                .map(String.class::cast)
                .findFirst();
    }

    private void requireAdapter(String project, String version, String kind) {
        if (kindOf(project, version).filter(kind::equals).isEmpty()) {
            throw Refusal.unprocessable(
                    "unknown_adapter", "There is no " + kind + " adapter " + version + " in project " + project + ".");
        }
        requireKept(project, version);
    }

    private void requireKept(String project, String version) {
        if (retention.isRetired(project, version)) {
            throw Refusal.unprocessable(
                    "adapter_retired",
                    version
                            + " was retired: its weights may be gone. Name a version that is kept, or run its round again.");
        }
    }

    /** @param scored whether the round needs a reward model */
    private Optional<String> reward(String project, boolean scored, @Nullable String wanted) {
        if (!scored) {
            return Optional.empty();
        }
        if (wanted != null && !wanted.isBlank()) {
            requireAdapter(project, wanted, "REWARD");
            return Optional.of(wanted);
        }
        List<?> newest = entities.createNativeQuery(
                        "select version from adapter where project_id = :p and kind = 'REWARD'"
                                + " and version not in (select version from adapter_retired where project_id = :p)"
                                + " order by created_at desc limit 1",
                        String.class)
                .setParameter("p", project)
                .getResultList();
        if (newest.isEmpty()) {
            throw Refusal.unprocessable("unknown_adapter", "The round needs a reward model: run a REWARD round first.");
        }
        return Optional.of((String) newest.getFirst());
    }

    /** Where the preference sets end now. */
    private List<PartitionEnd> pin() {
        try {
            List<PartitionEnd> ends = new ArrayList<>();
            kafka.endOffsets(Topics.PREFERENCES)
                    .forEach((partition, end) -> ends.add(new PartitionEnd(partition.partition(), end)));
            ends.sort(Comparator.comparingInt(PartitionEnd::partition));
            return ends;
        } catch (KafkaException e) {
            throw new Refusal(
                    503, "kafka_away", "Kafka does not answer, so the data cannot be pinned; try again in a minute.");
        }
    }

    /** Asks the trainer to stop; harmless when the round has ended. */
    @Transactional
    public RoundRow cancel(String id, String operator) {
        RoundRow row = RoundRow.findById(id);
        if (row == null) {
            throw Refusal.notFound("Round " + id);
        }
        audit.append(Act.of("round.cancelled", id).in(row.projectId).with("version", row.version));
        RoundCommand command = new RoundCommand.CancelRound(
                id, row.projectId, operator, Clock.systemUTC().instant());
        outbox.add(
                Topics.ROUND_COMMANDS,
                id,
                UUID.randomUUID().toString(),
                id,
                command,
                Clock.systemUTC().instant());
        return row;
    }
}
