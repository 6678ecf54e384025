package dev.podium.feedback.adapter;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.Topics;
import dev.podium.feedback.outbox.Outbox;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Named pointers to adapter versions; every change is kept and numbered. */
@Singleton
public class Channels {
    private final EntityManager entities;
    private final Outbox outbox;
    private final Adapters adapters;

    Channels(EntityManager entities, Outbox outbox, Adapters adapters) {
        this.entities = entities;
        this.outbox = outbox;
        this.adapters = adapters;
    }

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

    /** Points a channel at a version, or at the base model; must run in a transaction. */
    ChannelPointer point(String project, String channel, Optional<String> version, Optional<String> reason, String by) {
        if (!channel.matches("[a-z0-9][a-z0-9._-]{0,62}")) {
            throw Refusal.unprocessable(
                    "invalid_channel", "A channel's name has 1 to 63 lower-case letters, digits, dots and hyphens.");
        }
        version.ifPresent(v -> requireServable(project, v));
        lock(project);
        long sequence = newest(project, channel).map(ChannelPointer::sequence).orElse(0L) + 1;
        ChannelPointer pointer = new ChannelPointer(
                project,
                channel,
                version,
                sequence,
                by,
                reason,
                Clock.systemUTC().instant());
        entities.createNativeQuery("insert into channel_change (project_id, channel, sequence, version, body)"
                        + " values (:p, :c, :s, :v, :b)")
                .setParameter("p", project)
                .setParameter("c", channel)
                .setParameter("s", sequence)
                .setParameter("v", version.orElse(null))
                .setParameter("b", EventJson.writeText(pointer))
                .executeUpdate();
        String key = ChannelPointer.key(project, channel);
        outbox.add(Topics.CHANNELS, key, UUID.randomUUID().toString(), key, pointer, pointer.at());
        return pointer;
    }

    /** Points a channel at what it pointed to before it came to its present version. */
    ChannelPointer rollBack(String project, String channel, String by) {
        lock(project);
        List<ChannelPointer> history = history(project, channel, 1000);
        if (history.isEmpty()) {
            throw Refusal.notFound("Channel " + channel);
        }
        Optional<String> now = history.getFirst().version();
        ChannelPointer before = history.stream()
                .filter(pointer -> !pointer.version().equals(now))
                .findFirst()
                .orElseThrow(() -> Refusal.unprocessable(
                        "nothing_before", "Channel " + channel + " has pointed to nothing else before."));
        return point(
                project,
                channel,
                before.version(),
                Optional.of("rolled back from " + now.orElse("the base model") + " to change " + before.sequence()),
                by);
    }

    private void requireServable(String project, String version) {
        AdapterManifest manifest = adapters.find(project, version)
                .orElseThrow(() -> Refusal.unprocessable(
                        "unknown_adapter", "There is no adapter " + version + " in project " + project + "."));
        if (manifest.kind() != AdapterManifest.Kind.POLICY) {
            throw Refusal.unprocessable(
                    "not_servable", version + " is a reward model; only policy adapters answer requests.");
        }
    }

    /** Changes of a project's channels happen one after the other. */
    private void lock(String project) {
        Project.lock(project);
    }

    private Optional<ChannelPointer> newest(String project, String channel) {
        return history(project, channel, 1).stream().findFirst();
    }

    private List<ChannelPointer> history(String project, String channel, int limit) {
        List<ChannelPointer> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select body from channel_change where project_id = :p and channel = :c"
                                + " order by sequence desc limit " + limit,
                        String.class)
                .setParameter("p", project)
                .setParameter("c", channel)
                .getResultList()) {
            all.add(read((String) body));
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
