package dev.podium.feedback.adapter;

import dev.podium.contracts.ChannelPointer;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** A channel's history, its version on trial, and its rule. */
@Path("/api/v1/projects/{project}/channels/{channel}")
@Produces(MediaType.APPLICATION_JSON)
@Transactional
public class ChannelResource {
    private static final long DEFAULT_MIN_REQUESTS = 100;

    private final Channels channels;
    private final ChannelRules rules;
    private final SecurityIdentity identity;
    private final Announced announced;

    ChannelResource(Channels channels, ChannelRules rules, SecurityIdentity identity, Announced announced) {
        this.channels = channels;
        this.rules = rules;
        this.identity = identity;
        this.announced = announced;
    }

    /** A version on trial; {@code by} is instances or requests. */
    public record NewCanary(
            @Nullable String version,
            @Nullable Double percent,
            @Nullable String by,
            @Nullable String reason) {}

    /** A rule as it is set. */
    public record NewRule(
            @Nullable Integer refusedInstances,
            @Nullable Double errorPercent,
            @Nullable Long minRequests) {}

    /** Who pointed it where, when and why; newest first. */
    @GET
    @Path("history")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    public List<Channels.Changed> history(@RestPath String project, @RestPath String channel) {
        Project.required(project);
        return channels.changes(project, channel);
    }

    /** Gives a version a share. */
    @PUT
    @Path("canary")
    @AllowedTo(Who.OPERATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional(Transactional.TxType.NOT_SUPPORTED)
    public ChannelPointer tryOut(@RestPath String project, @RestPath String channel, InputStream body) {
        NewCanary wanted = Bodies.json(body, NewCanary.class);
        try {
            ChannelPointer.Canary canary = new ChannelPointer.Canary(
                    wanted.version() == null ? "" : wanted.version(),
                    wanted.percent() == null ? 0 : wanted.percent(),
                    by(wanted.by()));
            announced.await(project, canary.version());
            return QuarkusTransaction.requiringNew()
                    .call(() -> channels.tryOut(
                            project,
                            channel,
                            canary,
                            Optional.ofNullable(wanted.reason()).filter(text -> !text.isBlank()),
                            name()));
        } catch (IllegalArgumentException e) {
            throw Refusal.unprocessable("invalid_canary", e.getMessage() + ".");
        }
    }

    private static ChannelPointer.Canary.By by(@Nullable String word) {
        if (word == null) {
            return ChannelPointer.Canary.By.INSTANCES;
        }
        for (ChannelPointer.Canary.By by : ChannelPointer.Canary.By.values()) {
            if (by.name().equals(word.toUpperCase(Locale.ROOT))) {
                return by;
            }
        }
        throw Refusal.unprocessable("invalid_canary", "by must be instances or requests.");
    }

    /** Ends the trial. */
    @DELETE
    @Path("canary")
    @AllowedTo(Who.OPERATOR)
    public ChannelPointer endTrial(@RestPath String project, @RestPath String channel) {
        return channels.endTrial(project, channel, Optional.empty(), name(), false);
    }

    /** A channel's rule; 204 when it has none. */
    @GET
    @Path("rule")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    public ChannelRules.@Nullable Rule rule(@RestPath String project, @RestPath String channel) {
        Project.required(project);
        if (channels.now(project, channel).isEmpty()) {
            throw Refusal.notFound("Channel " + channel);
        }
        return rules.rule(project, channel).orElse(null);
    }

    /** When it is rolled back by itself. */
    @PUT
    @Path("rule")
    @AllowedTo(Who.OPERATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    public ChannelRules.Rule setRule(@RestPath String project, @RestPath String channel, InputStream body) {
        NewRule wanted = Bodies.json(body, NewRule.class);
        return rules.set(
                project,
                channel,
                wanted.refusedInstances() == null ? 0 : wanted.refusedInstances(),
                wanted.errorPercent() == null ? 0 : wanted.errorPercent(),
                wanted.minRequests() == null ? DEFAULT_MIN_REQUESTS : wanted.minRequests(),
                name());
    }

    @DELETE
    @Path("rule")
    @AllowedTo(Who.OPERATOR)
    public void removeRule(@RestPath String project, @RestPath String channel) {
        rules.remove(project, channel);
    }

    private String name() {
        return identity.getPrincipal().getName();
    }
}
