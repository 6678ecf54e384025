package dev.podium.feedback.security;

import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
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
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** Who is in a project. */
@Path("/api/v1/projects/{project}/members")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.OPERATOR)
public class MemberResource {
    private final People people;

    MemberResource(People people) {
        this.people = people;
    }

    /** A member. */
    public record Member(String name, String role) {}

    /** The role that somebody shall have. */
    public record NewRole(@Nullable String role) {}

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
        Role role = Role.of(Bodies.json(body, NewRole.class).role());
        PanacheEntityBase there = Person.findById(person);
        if (there == null) {
            throw Refusal.notFound("Person " + person);
        }
        people.join(project, person, role);
        return new Member(person, role.word());
    }

    @DELETE
    @Path("{person}")
    @Transactional
    public void remove(@RestPath String project, @RestPath String person) {
        if (!people.leave(project, person)) {
            throw Refusal.notFound("Member " + person);
        }
    }
}
