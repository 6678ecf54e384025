package dev.podium.feedback.security;

import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.elytron.security.common.BcryptUtil;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import io.quarkus.panache.common.Sort;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.annotation.security.RolesAllowed;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.InputStream;
import java.time.Clock;
import java.util.List;
import java.util.Set;

/** People and programs that may log in. */
@Path("/api/v1")
@Produces(MediaType.APPLICATION_JSON)
public class PersonResource {
    private static final Set<String> ROLES = Set.of("operator", "labeler", "service");
    private static final int SHORTEST_PASSWORD = 10;
    // bcrypt looks at no more.
    private static final int LONGEST_PASSWORD_BYTES = 72;

    private final SecurityIdentity identity;

    PersonResource(SecurityIdentity identity) {
        this.identity = identity;
    }

    /** Who someone is, without secrets. */
    public record View(String name, String role) {}

    /** A person to create. */
    public record NewPerson(String name, String password, String role) {}

    /** Who is logged in. */
    @GET
    @Path("me")
    @Authenticated
    public View me() {
        String role = identity.hasRole("operator")
                ? "operator"
                : identity.getRoles().stream().findFirst().orElse("");
        return new View(identity.getPrincipal().getName(), role);
    }

    @GET
    @Path("users")
    @RolesAllowed("operator")
    public List<View> list() {
        return Person.<Person>listAll(Sort.by("name")).stream()
                .map(person -> new View(person.name, person.role))
                .toList();
    }

    @POST
    @Path("users")
    @RolesAllowed("operator")
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Response create(InputStream body) {
        NewPerson wanted = Bodies.json(body, NewPerson.class);
        if (wanted.name() == null || !wanted.name().matches("[\\p{L}\\p{N}][\\p{L}\\p{N}._@+-]{0,99}")) {
            throw Refusal.unprocessable(
                    "invalid_name", "A name has 1 to 100 letters, digits, or . _ @ + - after the first.");
        }
        if (wanted.role() == null || !ROLES.contains(wanted.role())) {
            throw Refusal.unprocessable("invalid_role", "The role must be operator, labeler or service.");
        }
        if (wanted.password() == null
                || wanted.password().length() < SHORTEST_PASSWORD
                || wanted.password().getBytes(java.nio.charset.StandardCharsets.UTF_8).length
                        > LONGEST_PASSWORD_BYTES) {
            throw Refusal.unprocessable(
                    "invalid_password",
                    "A password has at least " + SHORTEST_PASSWORD + " characters and at most " + LONGEST_PASSWORD_BYTES
                            + " bytes.");
        }
        PanacheEntityBase there = Person.findById(wanted.name());
        if (there != null) {
            throw new Refusal(409, "name_taken", "There is somebody called " + wanted.name() + " already.");
        }
        Person person = new Person();
        person.name = wanted.name();
        person.role = wanted.role();
        person.passwordHash = BcryptUtil.bcryptHash(wanted.password());
        person.createdAt = Clock.systemUTC().instant();
        person.persist();
        return Response.status(201).entity(new View(person.name, person.role)).build();
    }
}
