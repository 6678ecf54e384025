package dev.podium.feedback.adapter;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Topics;
import dev.podium.feedback.artifact.Retention;
import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Named pointers to adapter versions; every change is kept and numbered. */
@Singleton
public class Channels {
    private static final int MOST_LOOKED_AT = 1000;

    private final EntityManager entities;
    private final Outbox outbox;
    private final Adapters adapters;
    private final AuditLog audit;
    private final Retention retention;
    private final PointerSigning signing;

    Channels(
            EntityManager entities,
            Outbox outbox,
            Adapters adapters,
            AuditLog audit,
            Retention retention,
            PointerSigning signing) {
        this.signing = signing;
        this.entities = entities;
        this.outbox = outbox;
        this.adapters = adapters;
        this.audit = audit;
        this.retention = retention;
    }

    /** Where one channel points now; must run in a transaction. */
    public Optional<ChannelPointer> find(String project, String channel) {
        return history(project, channel, 1).stream().map(Change::pointer).findFirst();
    }

    /** One change of a channel: the pointer, and whether a rule made it. */
    public record Changed(ChannelPointer pointer, boolean automatic) {}

    /** Where each channel points now. */
    List<ChannelPointer> list(String project) {
        List<ChannelPointer> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select distinct on (channel) body from channel_change where project_id = :p"
                                + " order by channel, sequence desc",
                        String.class)
                .setParameter("p", project)
                .getResultList()) {
            all.add(read((String) body));
        }
        return all;
    }

    /** All changes of a channel, newest first: who, when, why, and which of them a rule made. */
    List<Changed> changes(String project, String channel) {
        List<Change> all = history(project, channel, MOST_LOOKED_AT);
        if (all.isEmpty()) {
            throw Refusal.notFound("Channel " + channel);
        }
        return all.stream()
                .map(change -> new Changed(change.pointer(), change.automatic()))
                .toList();
    }

    /** Points a channel at a version, or at the base model, and ends what was on trial; must run in a transaction. */
    public ChannelPointer point(
            String project, String channel, Optional<String> version, Optional<String> reason, String by) {
        if (!channel.matches("[a-z0-9][a-z0-9._-]{0,62}")) {
            throw Refusal.unprocessable(
                    "invalid_channel", "A channel's name has 1 to 63 lower-case letters, digits, dots and hyphens.");
        }
        // Under the lock: what is promoted is not retired at the same moment.
        Project.lock(project);
        version.ifPresent(v -> requireServable(project, v));
        List<Change> newest = history(project, channel, 1);
        long sequence = newest.isEmpty() ? 1 : newest.getFirst().sequence() + 1;
        return add(project, channel, version, Optional.empty(), sequence, reason, by, 0, false, "channel.promoted");
    }

    /** Gives a version a share of a channel's instances or requests; the others go on as they are. */
    ChannelPointer tryOut(
            String project, String channel, ChannelPointer.Canary canary, Optional<String> reason, String by) {
        Project.lock(project);
        Change newest = newest(project, channel);
        requireServable(project, canary.version());
        if (newest.pointer().version().equals(Optional.of(canary.version()))) {
            throw Refusal.unprocessable(
                    "already_promoted", "Channel " + channel + " points to " + canary.version() + " already.");
        }
        return add(
                project,
                channel,
                newest.pointer().version(),
                Optional.of(canary),
                newest.sequence() + 1,
                reason,
                by,
                newest.origin(),
                false,
                "channel.tried");
    }

    /** Ends a trial; all go on with what the channel points to. */
    ChannelPointer endTrial(String project, String channel, Optional<String> reason, String by, boolean automatic) {
        Project.lock(project);
        Change newest = newest(project, channel);
        if (newest.pointer().canary().isEmpty()) {
            throw Refusal.unprocessable("no_canary", "Channel " + channel + " has no version on trial.");
        }
        return add(
                project,
                channel,
                newest.pointer().version(),
                Optional.empty(),
                newest.sequence() + 1,
                reason,
                by,
                newest.origin(),
                automatic,
                "channel.trialEnded");
    }

    private Change newest(String project, String channel) {
        List<Change> newest = history(project, channel, 1);
        if (newest.isEmpty()) {
            throw Refusal.notFound("Channel " + channel);
        }
        return newest.getFirst();
    }

    /** The newest change, if there is the channel. */
    Optional<Changed> now(String project, String channel) {
        return history(project, channel, 1).stream()
                .map(change -> new Changed(change.pointer(), change.automatic()))
                .findFirst();
    }

    /**
     * Points a channel at what it pointed to before it came to its present version. What was rolled back stays so: once
     * more goes further back, not forth again.
     */
    public ChannelPointer rollBack(String project, String channel, String by) {
        return rollBack(project, channel, by, Optional.empty());
    }

    /** The same, for a reason. */
    public ChannelPointer rollBack(String project, String channel, String by, Optional<String> reason) {
        return rollBack(project, channel, reason, by, false);
    }

    /**
     * The same with a reason.
     *
     * @param automatic whether a rule does it
     */
    ChannelPointer rollBack(String project, String channel, Optional<String> why, String by, boolean automatic) {
        Project.lock(project);
        List<Change> history = history(project, channel, MOST_LOOKED_AT);
        if (history.isEmpty()) {
            throw Refusal.notFound("Channel " + channel);
        }
        Map<Long, Change> bySequence = new HashMap<>();
        history.forEach(change -> bySequence.put(change.sequence(), change));
        Change newest = history.getFirst();
        Optional<String> now = newest.pointer().version();
        Change before = newest;
        while (before != null && before.pointer().version().equals(now)) {
            before = bySequence.get(origin(before, bySequence).sequence() - 1);
        }
        if (before == null) {
            throw Refusal.unprocessable(
                    "nothing_before",
                    "Channel " + channel + " has pointed to nothing else before; promote the version you want.");
        }
        long target = origin(before, bySequence).sequence();
        before.pointer().version().ifPresent(v -> requireServable(project, v));
        return add(
                project,
                channel,
                before.pointer().version(),
                Optional.empty(),
                newest.sequence() + 1,
                Optional.of("rolled back from " + now.orElse("the base model") + " to change " + target
                        + why.map(text -> ": " + text).orElse("")),
                by,
                target,
                automatic,
                "channel.rolledBack");
    }

    /** The change itself, or the one that a rollback went back to. */
    private static Change origin(Change change, Map<Long, Change> bySequence) {
        Change origin = change;
        for (Change earlier = bySequence.get(origin.rolledBackTo());
                earlier != null && earlier.sequence() < origin.sequence();
                earlier = bySequence.get(origin.rolledBackTo())) {
            origin = earlier;
        }
        return origin;
    }

    private ChannelPointer add(
            String project,
            String channel,
            Optional<String> version,
            Optional<ChannelPointer.Canary> canary,
            long sequence,
            Optional<String> reason,
            String by,
            long rolledBackTo,
            boolean automatic,
            String act) {
        ChannelPointer pointer = new ChannelPointer(
                project,
                channel,
                version,
                sequence,
                by,
                reason,
                Clock.systemUTC().instant(),
                canary);
        // First what may be refused: who catches a refusal and goes on in the transaction commits none of the rest.
        String key = ChannelPointer.key(project, channel);
        outbox.add(
                Topics.CHANNELS,
                key,
                UUID.randomUUID().toString(),
                key,
                pointer,
                pointer.at(),
                payload -> signing.sign(key, payload));
        entities.createNativeQuery(
                        "insert into channel_change (project_id, channel, sequence, version, body, rolled_back_to,"
                                + " automatic) values (:p, :c, :s, :v, :b, :r, :a)")
                .setParameter("p", project)
                .setParameter("c", channel)
                .setParameter("s", sequence)
                .setParameter("v", version.orElse(null))
                .setParameter("b", EventJson.writeText(pointer))
                .setParameter("r", rolledBackTo)
                .setParameter("a", automatic)
                .executeUpdate();
        audit.append(Act.of(act, channel)
                .in(project)
                .because(reason.orElse(null))
                .with("version", version.orElse("base model"))
                .with("sequence", sequence));
        return pointer;
    }

    private void requireServable(String project, String version) {
        AdapterManifest manifest = adapters.find(project, version)
                .orElseThrow(() -> Refusal.unprocessable(
                        "unknown_adapter", "There is no adapter " + version + " in project " + project + "."));
        if (manifest.kind() != AdapterManifest.Kind.POLICY) {
            throw Refusal.unprocessable(
                    "not_servable",
                    manifest.kind() == AdapterManifest.Kind.MODEL
                            ? version + " is a whole model, and services on a channel swap adapters only; fetch it"
                                    + " (podium adapters fetch) and start a service with it as its base model."
                            : version + " is a reward model; only policy adapters answer requests.");
        }
        if (retention.isRetired(project, version)) {
            throw Refusal.unprocessable(
                    "adapter_retired",
                    version + " was retired: its weights may be gone. Promote a version that is kept, or run its round"
                            + " again.");
        }
        Adapters.Signed signature = adapters.signature(project, version);
        if (!signature.trusted()) {
            throw Refusal.unprocessable(
                    "not_trusted",
                    version + " would be refused by services: "
                            + signature.problem().orElse("") + ". See podium.trusted.keys.file.");
        }
    }

    /** A pointer, and the change it went back to; 0 when it went forth. */
    private record Change(ChannelPointer pointer, long rolledBackTo, boolean automatic) {
        long sequence() {
            return pointer.sequence();
        }

        /** A change that leaves the version stands for the one that brought it. */
        long origin() {
            return rolledBackTo > 0 ? rolledBackTo : sequence();
        }
    }

    /** Newest first. */
    private List<Change> history(String project, String channel, int limit) {
        List<Change> all = new ArrayList<>();
        for (Object row : entities.createNativeQuery(
                        "select body, rolled_back_to, automatic from channel_change where project_id = :p"
                                + " and channel = :c order by sequence desc limit " + limit)
                .setParameter("p", project)
                .setParameter("c", channel)
                .getResultList()) {
            Object[] values = (Object[]) row;
            all.add(new Change(read((String) values[0]), ((Number) values[1]).longValue(), (Boolean) values[2]));
        }
        return all;
    }

    private static ChannelPointer read(String body) {
        try {
            return EventJson.read(body.getBytes(StandardCharsets.UTF_8), ChannelPointer.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a stored channel pointer cannot be read", e);
        }
    }
}
