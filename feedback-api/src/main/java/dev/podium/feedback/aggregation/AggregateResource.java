package dev.podium.feedback.aggregation;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.PreferenceSet;
import dev.podium.feedback.quality.WorkRules;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.Arrays;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** One order of a task's outputs out of all its votes. */
@Path("/api/v1/projects/{project}/tasks/{task}/aggregate")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo({Who.OPERATOR, Who.SERVICE})
public class AggregateResource {
    private final EntityManager entities;
    private final WorkRules rules;

    AggregateResource(EntityManager entities, WorkRules rules) {
        this.entities = entities;
        this.rules = rules;
    }

    /** The order, and the votes that it was made of: {@code above[i][j]} for i over j, in the order of outputs. */
    public record View(String taskId, int rankings, Aggregate aggregate, List<String> outputs, double[][] above) {}

    /** @param method majority, bradley_terry or kemeny; the project's own when absent */
    @GET
    @Transactional
    public View of(@RestPath String project, @RestPath String task, @QueryParam("method") @Nullable String method) {
        List<?> bodies = entities.createNativeQuery(
                        "select body from preference where task_id = :t and project_id = :p", String.class)
                .setParameter("t", task)
                .setParameter("p", project)
                .getResultList();
        if (bodies.isEmpty()) {
            throw Refusal.notFound("A preference set of task " + task);
        }
        WorkRules.Values values = rules.of(project);
        Aggregation aggregation = method == null
                ? values.method()
                : Aggregation.of(method)
                        .orElseThrow(() -> new Refusal(
                                400,
                                "unknown_method",
                                "method must be one of "
                                        + Arrays.stream(Aggregation.values())
                                                .map(Aggregation::word)
                                                .toList()
                                        + "."));
        try {
            PreferenceSet set = EventJson.mapper().readValue((String) bodies.getFirst(), PreferenceSet.class);
            VoteMatrix votes = VoteMatrix.of(set);
            return new View(
                    task,
                    set.rankings().size(),
                    aggregation.of(votes, values.aggregationRidge()),
                    votes.ids(),
                    votes.above());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a stored preference set cannot be read", e);
        }
    }
}
