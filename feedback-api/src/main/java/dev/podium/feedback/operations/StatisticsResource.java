package dev.podium.feedback.operations;

import dev.podium.feedback.project.Project;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.ArrayList;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;

/** Figures over time and between adapters, for charts. */
@Path("/api/v1/projects/{project}/statistics")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class StatisticsResource {
    private static final int DAYS = 60;
    // A body is some KB of JSON to be taken apart: enough for a figure with its uncertainty, few enough for a page.
    private static final int MOST_SETS = 5000;

    private final EntityManager entities;

    StatisticsResource(EntityManager entities) {
        this.entities = entities;
    }

    /** Rankings of a day (UTC) that count now, and by how many labelers. */
    public record Day(String day, long rankings, long labelers) {}

    /**
     * How often outputs of one source win against those of others in the same task.
     *
     * @param source an adapter's version, {@code base} or {@code imported}
     * @param pairs decided pairs against other sources
     */
    public record WinRate(String source, long wins, long pairs) {}

    /** All of it; win rates are of at most 5,000 sets. */
    public record Statistics(List<Day> days, List<WinRate> winRates, long setsLookedAt) {}

    @GET
    @Transactional
    public Statistics of(@RestPath String project) {
        Project.required(project);
        List<Day> days = new ArrayList<>();
        List<Tuple> byDay = entities.createNativeQuery(
                        "select to_char(submitted_at at time zone 'UTC', 'YYYY-MM-DD') as day, count(*) as n,"
                                + " count(distinct labeler) as people from ranking where project_id = :p"
                                + " and not retracted and submitted_at > now() - make_interval(days => " + DAYS + ")"
                                + " group by 1 order by 1",
                        Tuple.class)
                .setParameter("p", project)
                .getResultList();
        for (Tuple row : byDay) {
            days.add(new Day(
                    row.get("day", String.class),
                    row.get("n", Number.class).longValue(),
                    row.get("people", Number.class).longValue()));
        }
        List<WinRate> rates = new ArrayList<>();
        List<Tuple> bySource = entities.createNativeQuery(
                        "with chosen as (select cast(body as jsonb) as body from preference where project_id = :p and decided"
                                + " limit " + MOST_SETS + "),"
                                + " source as (select s.body, o ->> 'id' as id,"
                                + " case when o -> 'provenance' ->> 'source' = 'imported' then 'imported'"
                                + " else coalesce(o -> 'provenance' ->> 'adapterVersion', 'base') end as name"
                                + " from chosen s, jsonb_array_elements(s.body -> 'outputs') o),"
                                + " met as (select w.name as winner, l.name as loser from chosen s,"
                                + " jsonb_array_elements(s.body -> 'pairs') p"
                                + " join source w on w.id = p ->> 'chosen' join source l on l.id = p ->> 'rejected'"
                                + " where w.body ->> 'taskId' = s.body ->> 'taskId'"
                                + " and l.body ->> 'taskId' = s.body ->> 'taskId' and w.name <> l.name)"
                                + " select name, sum(won) as wins, count(*) as pairs from (select winner as name, 1 as won"
                                + " from met union all select loser, 0 from met) each group by name order by name",
                        Tuple.class)
                .setParameter("p", project)
                .getResultList();
        for (Tuple row : bySource) {
            rates.add(new WinRate(
                    row.get("name", String.class),
                    row.get("wins", Number.class).longValue(),
                    row.get("pairs", Number.class).longValue()));
        }
        long sets = ((Number) entities.createNativeQuery(
                                "select count(*) from (select 1 from preference where project_id = :p and decided"
                                        + " limit " + MOST_SETS + ") looked_at")
                        .setParameter("p", project)
                        .getSingleResult())
                .longValue();
        return new Statistics(days, rates, sets);
    }
}
