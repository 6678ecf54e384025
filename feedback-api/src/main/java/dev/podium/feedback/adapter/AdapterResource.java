package dev.podium.feedback.adapter;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.ChannelPointer;
import dev.podium.contracts.EventJson;
import dev.podium.feedback.project.Project;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.IdempotentAnswers;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.StreamingOutput;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Adapters, channels, and what services report. */
@Path("/api/v1/projects/{project}")
@Produces(MediaType.APPLICATION_JSON)
public class AdapterResource {
    private final Adapters adapters;
    private final Channels channels;
    private final EntityManager entities;
    private final SecurityIdentity identity;
    private final IdempotentAnswers answers;
    private final Announced announced;

    AdapterResource(
            Adapters adapters,
            Channels channels,
            EntityManager entities,
            SecurityIdentity identity,
            IdempotentAnswers answers,
            Announced announced) {
        this.adapters = adapters;
        this.channels = channels;
        this.entities = entities;
        this.identity = identity;
        this.answers = answers;
        this.announced = announced;
    }

    /** Where to point a channel; version null is the base model without an adapter. */
    public record NewPointer(
            @Nullable String version, @Nullable String reason) {}

    @GET
    @Path("adapters")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    @Transactional
    public List<AdapterManifest> list(@RestPath String project) {
        Project.required(project);
        return adapters.list(project);
    }

    @GET
    @Path("adapters/{version}")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    public AdapterManifest one(@RestPath String project, @RestPath String version) {
        return required(project, version);
    }

    /** A file of an adapter or of a whole model, put together from its chunks and verified before the answer begins. */
    @GET
    @Path("adapters/{version}/files/{name}")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    @Produces(MediaType.APPLICATION_OCTET_STREAM)
    public StreamingOutput file(@RestPath String project, @RestPath String version, @RestPath String name) {
        // Reading from Kafka takes its time: not inside a transaction.
        AdapterManifest manifest = required(project, version);
        java.nio.file.Path file = adapters.fetch(manifest, name);
        return out -> {
            try {
                Files.copy(file, out);
            } finally {
                Files.deleteIfExists(file);
            }
        };
    }

    /** From the adapter back to rankings and labelers. */
    @GET
    @Path("adapters/{version}/lineage")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    public Adapters.Lineage lineage(@RestPath String project, @RestPath String version) {
        return adapters.lineage(required(project, version));
    }

    /**
     * The adapter's data set as JSON lines.
     *
     * @param from {@code artifact}: as it is stored; {@code logs}: made anew from the logs of preferences, tasks and
     *     rankings, and given only if it is the same byte for byte
     */
    @GET
    @Path("adapters/{version}/data-set")
    @Produces("application/x-ndjson")
    @AllowedTo(Who.OPERATOR)
    public Response dataSet(
            @RestPath String project,
            @RestPath String version,
            @QueryParam("from") @DefaultValue("artifact") String from) {
        if (!from.equals("artifact") && !from.equals("logs")) {
            throw Refusal.unprocessable("invalid_from", "from must be artifact or logs.");
        }
        AdapterManifest manifest = required(project, version);
        java.nio.file.Path file = adapters.dataSet(manifest, from.equals("logs"));
        StreamingOutput body = out -> {
            try {
                Files.copy(file, out);
            } finally {
                Adapters.delete(file);
            }
        };
        return Response.ok(body)
                .header("Podium-Sha256", manifest.dataSet().orElseThrow().sha256())
                .header("Content-Disposition", "attachment; filename=\"" + version + "-data-set.jsonl\"")
                .build();
    }

    /** Who signed the manifest, and whether that counts. */
    @GET
    @Path("adapters/{version}/signature")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    public Adapters.Signed signature(@RestPath String project, @RestPath String version) {
        required(project, version);
        return QuarkusTransaction.requiringNew().call(() -> adapters.signature(project, version));
    }

    /** From a labeler forward to the adapters that learnt from the labeler's rankings. */
    @GET
    @Path("labelers/{labeler}/adapters")
    @AllowedTo(Who.OPERATOR)
    public List<Adapters.Affected> affected(@RestPath String project, @RestPath String labeler) {
        // Reading data sets from Kafka takes its time: not inside a transaction.
        List<AdapterManifest> all = QuarkusTransaction.requiringNew().call(() -> list(project));
        return adapters.affectedBy(labeler, all);
    }

    private AdapterManifest required(String project, String version) {
        announced.await(project, version);
        return QuarkusTransaction.requiringNew().call(() -> {
            Project.required(project);
            return adapters.find(project, version).orElseThrow(() -> Refusal.notFound("Adapter " + version));
        });
    }

    @GET
    @Path("channels")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    @Transactional
    public List<ChannelPointer> channels(@RestPath String project) {
        Project.required(project);
        return channels.list(project);
    }

    /** Promotes a version. */
    @PUT
    @Path("channels/{channel}")
    @AllowedTo(Who.OPERATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    public ChannelPointer point(@RestPath String project, @RestPath String channel, InputStream body) {
        NewPointer wanted = Bodies.json(body, NewPointer.class);
        Optional<String> version = Optional.ofNullable(wanted.version()).filter(v -> !v.isBlank());
        version.ifPresent(v -> announced.await(project, v));
        return QuarkusTransaction.requiringNew()
                .call(() -> channels.point(
                        project,
                        channel,
                        version,
                        Optional.ofNullable(wanted.reason()).filter(r -> !r.isBlank()),
                        identity.getPrincipal().getName()));
    }

    /** Back to what the channel pointed to before. Under one Idempotency-Key it is one step, however often it is sent. */
    @POST
    @Path("channels/{channel}/rollback")
    @AllowedTo(Who.OPERATOR)
    @Transactional
    public Response rollBack(
            @RestPath String project, @RestPath String channel, @HeaderParam("Idempotency-Key") @Nullable String key) {
        String me = identity.getPrincipal().getName();
        if (key == null) {
            return Response.ok(channels.rollBack(project, channel, me)).build();
        }
        return answers.once(
                me,
                key,
                "rollback\n" + project + "\n" + channel,
                () -> new IdempotentAnswers.Answer(200, channels.rollBack(project, channel, me)));
    }

    /** What each service instance runs. */
    @GET
    @Path("loads")
    @AllowedTo({Who.OPERATOR, Who.SERVICE})
    @Transactional
    public List<JsonNode> loads(@RestPath String project) {
        Project.required(project);
        List<JsonNode> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select body from adapter_load where project_id = :p order by instance_id", String.class)
                .setParameter("p", project)
                .getResultList()) {
            try {
                all.add(EventJson.mapper().readTree((String) body));
            } catch (JsonProcessingException e) {
                throw new IllegalStateException("a stored load report cannot be read", e);
            }
        }
        return all;
    }
}
