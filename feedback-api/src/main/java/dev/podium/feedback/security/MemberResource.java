package dev.podium.feedback.security;

import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.io.InputStream;
import java.util.List;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Who is in a project. */
@Path("/api/v1/projects/{project}/members")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class MemberResource {
    private final People people;
    private final AuditLog audit;
    private final SecurityIdentity identity;

    MemberResource(People people, AuditLog audit, SecurityIdentity identity) {
        this.people = people;
        this.audit = audit;
        this.identity = identity;
    }

    /** A member. */
    public record Member(String name, String role) {}

    /** The role that somebody shall have. */
    public record NewRole(@Nullable String role, @Nullable String reason) {}

    @GET
    @Transactional
    public List<Member> list(@RestPath String project) {
        return people.members(project).entrySet().stream()
                .map(member -> new Member(member.getKey(), member.getValue()))
                .toList();
    }

    /** Makes somebody a member, or gives a member another role. */
    @PUT
    @Path("{person}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Member put(@RestPath String project, @RestPath String person, InputStream body) {
        Access.of(identity).requirePerson();
        NewRole wanted = Bodies.json(body, NewRole.class);
        Role role = Role.of(wanted.role());
        String id = people.idOf(person).orElseThrow(() -> Refusal.notFound("Person " + person));
        people.join(project, person, role);
        audit.append(Act.of("member.set", "")
                .in(project)
                .to(id)
                .because(wanted.reason())
                .with("role", role.word()));
        return new Member(person, role.word());
    }

    @DELETE
    @Path("{person}")
    @Transactional
    public void remove(
            @RestPath String project, @RestPath String person, @QueryParam("reason") @Nullable String reason) {
        Access.of(identity).requirePerson();
        String id = people.idOf(person).orElseThrow(() -> Refusal.notFound("Member " + person));
        if (!people.leave(project, person)) {
            throw Refusal.notFound("Member " + person);
        }
        audit.append(Act.of("member.removed", "").in(project).to(id).because(reason));
    }
}
