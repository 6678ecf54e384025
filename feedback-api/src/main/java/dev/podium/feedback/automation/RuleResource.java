package dev.podium.feedback.automation;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.EventJson;
import dev.podium.feedback.adapter.Channels;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.round.NewRound;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Rules of a project, and what came of them. */
@Path("/api/v1/projects/{project}/rules")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class RuleResource {
    private static final int MOST_RULES = 50;
    private static final int MOST_LISTED = 500;

    private final Automation automation;
    private final Decisions decisions;
    private final Channels channels;
    private final SecurityIdentity identity;

    RuleResource(Automation automation, Decisions decisions, Channels channels, SecurityIdentity identity) {
        this.channels = channels;
        this.automation = automation;
        this.decisions = decisions;
        this.identity = identity;
    }

    /**
     * A rule and where it stands.
     *
     * @param newDecidedTasks tasks decided since the last round of its first kind, where it counts them
     * @param nextAt when the clock starts it, where it does
     */
    public record View(
            String name,
            boolean enabled,
            JsonNode rule,
            String setBy,
            Instant setAt,
            @Nullable Long newDecidedTasks,
            @Nullable Instant nextAt) {}

    @GET
    @Transactional
    public List<View> list(@RestPath String project) {
        Project.required(project);
        return RuleRow.<RuleRow>list("id.projectId = ?1 order by id.name", project).stream()
                .map(row -> view(project, row))
                .toList();
    }

    /** Sets a rule, in place of one of the same name; off unless {@code enabled} is true. */
    @PUT
    @Path("{rule}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public View set(@RestPath String project, @RestPath String rule, InputStream body) {
        Project.lock(project);
        if (!rule.matches("[a-z0-9][a-z0-9-]{0,62}") || rule.equals("decisions")) {
            throw Refusal.unprocessable(
                    "invalid_rule", "A rule's name has 1 to 63 lower-case letters, digits and hyphens.");
        }
        byte[] bytes = Bodies.read(body, Bodies.SMALL_BYTES);
        Rule wanted = Bodies.parse(bytes, Rule.class);
        RuleRow row = RuleRow.findById(new RuleRow.Id(project, rule));
        // Whatever was set once can be turned off, also where it would be refused today.
        if (row == null || wanted.isEnabled() || !wanted.off().equals(row.rule().off())) {
            check(project, wanted);
        }
        if (row == null) {
            if (RuleRow.count("id.projectId", project) >= MOST_RULES) {
                throw Refusal.unprocessable("too_many_rules", "A project has at most " + MOST_RULES + " rules.");
            }
            row = new RuleRow();
            row.id = new RuleRow.Id(project, rule);
        }
        row.enabled = wanted.isEnabled();
        row.body = new String(bytes, StandardCharsets.UTF_8);
        row.setBy = identity.getPrincipal().getName();
        row.setAt = Clock.systemUTC().instant();
        row.lookedAt = null;
        row.lastRefusal = null;
        row.persist();
        return view(project, row);
    }

    private void check(String project, Rule wanted) {
        wanted.check();
        wanted.requireChannels(channel -> channels.find(project, channel).isPresent());
        if (wanted.rounds() != null) {
            for (Rule.Step step : wanted.rounds().steps()) {
                NewRound.requireConfig(Objects.requireNonNull(step.kind()), step.config());
            }
        }
    }

    /** Removes a rule; rounds that it has planned go on. */
    @DELETE
    @Path("{rule}")
    @Transactional
    public void remove(@RestPath String project, @RestPath String rule) {
        Project.required(project);
        if (!RuleRow.deleteById(new RuleRow.Id(project, rule))) {
            throw Refusal.notFound("Rule " + rule);
        }
    }

    /** What was decided, and why, newest first. */
    @GET
    @Path("decisions")
    @Transactional
    public List<Decisions.View> decisions(
            @RestPath String project, @QueryParam("limit") @DefaultValue("100") int limit) {
        Project.required(project);
        return decisions.list(project, Math.clamp(limit, 1, MOST_LISTED));
    }

    private View view(String project, RuleRow row) {
        Rule rule = row.rule();
        Long fresh = null;
        Instant next = null;
        if (rule.rounds() != null) {
            Rule.When when = Objects.requireNonNull(rule.rounds().when());
            fresh = when.newDecidedTasks() == null
                    ? null
                    : Long.valueOf(automation.newDecidedTasks(project, Automation.firstKind(rule.rounds())));
            next = Schedule.of(when)
                    .next(row.lookedAt == null ? row.setAt : row.lookedAt)
                    .orElse(null);
        }
        try {
            return new View(
                    row.key().name(),
                    row.enabled,
                    EventJson.mapper().readTree(row.body),
                    row.setBy,
                    row.setAt,
                    fresh,
                    next);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a stored rule cannot be read", e);
        }
    }
}
