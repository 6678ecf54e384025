package dev.podium.feedback.security;

import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.elytron.security.common.BcryptUtil;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import io.quarkus.panache.common.Sort;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.persistence.EntityManager;
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
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** People and programs that may log in. */
@Path("/api/v1")
@Produces(MediaType.APPLICATION_JSON)
public class PersonResource {
    private static final String ADMINISTRATOR = "administrator";
    private static final String EVERY_PROJECT = "*";

    private final SecurityIdentity identity;
    private final People people;
    private final EntityManager entities;

    PersonResource(SecurityIdentity identity, People people, EntityManager entities) {
        this.identity = identity;
        this.people = people;
        this.entities = entities;
    }

    /**
     * Who someone is, without secrets.
     *
     * @param role administrator, or the highest role in any project; empty for somebody in none
     * @param projects role by project; {@code *} stands for all that are not named
     */
    public record View(String name, String role, Map<String, String> projects) {
        static View of(String name, boolean administrator, Map<String, String> projects) {
            String role = administrator
                    ? ADMINISTRATOR
                    : projects.values().stream()
                            .map(Role::of)
                            .sorted()
                            .findFirst()
                            .map(Role::word)
                            .orElse("");
            return new View(name, role, projects);
        }
    }

    /**
     * A person to create.
     *
     * @param role administrator, or the role in each of {@code projects}
     * @param projects ids, or {@code *} for every project there is and will be
     */
    public record NewPerson(
            @Nullable String name,
            @Nullable String password,
            @Nullable String role,
            @Nullable List<String> projects) {}

    /** Who is logged in. */
    @GET
    @Path("me")
    @AllowedTo(Who.ANYONE)
    public View me() {
        Access access = Access.of(identity);
        Map<String, String> projects = new TreeMap<>();
        access.everywhere().ifPresent(role -> projects.put(EVERY_PROJECT, role.word()));
        access.projects().forEach((project, role) -> projects.put(project, role.word()));
        return View.of(identity.getPrincipal().getName(), access.administrator(), projects);
    }

    @GET
    @Path("users")
    @AllowedTo(Who.ADMINISTRATOR)
    @Transactional
    public List<View> list() {
        Map<String, Map<String, String>> projects = people.projects();
        return Person.<Person>listAll(Sort.by("name")).stream()
                .map(person -> view(person, projects.getOrDefault(person.name, Map.of())))
                .toList();
    }

    private static View view(Person person, Map<String, String> named) {
        Map<String, String> projects = new TreeMap<>(named);
        if (person.everyProject != null) {
            projects.put(EVERY_PROJECT, person.everyProject);
        }
        return View.of(person.name, person.administrator, projects);
    }

    @POST
    @Path("users")
    @AllowedTo(Who.ADMINISTRATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public Response create(InputStream body) {
        NewPerson wanted = Bodies.json(body, NewPerson.class);
        if (wanted.name() == null || !wanted.name().matches("[\\p{L}\\p{N}][\\p{L}\\p{N}._@+-]{0,99}")) {
            throw Refusal.unprocessable(
                    "invalid_name", "A name has 1 to 100 letters, digits, or . _ @ + - after the first.");
        }
        boolean administrator = ADMINISTRATOR.equals(wanted.role());
        List<String> projects = wanted.projects() == null ? List.of() : wanted.projects();
        Person person = new Person();
        person.name = wanted.name();
        person.administrator = administrator;
        Role role = administrator ? Role.OPERATOR : Role.of(wanted.role());
        person.passwordHash = BcryptUtil.bcryptHash(Passwords.require(wanted.password()));
        person.createdAt = Clock.systemUTC().instant();
        PanacheEntityBase there = Person.findById(wanted.name());
        if (there != null) {
            throw new Refusal(409, "name_taken", "There is somebody called " + wanted.name() + " already.");
        }
        if (!administrator && projects.contains(EVERY_PROJECT)) {
            person.everyProject = role.word();
        }
        person.persist();
        entities.flush();
        Map<String, String> named = new TreeMap<>();
        if (!administrator) {
            for (String project : projects) {
                if (!project.equals(EVERY_PROJECT)) {
                    requireProject(project);
                    people.join(project, person.name, role);
                    named.put(project, role.word());
                }
            }
        }
        return Response.status(201).entity(view(person, named)).build();
    }

    private void requireProject(String id) {
        if (entities.createNativeQuery("select 1 from project where id = :id")
                .setParameter("id", id)
                .getResultList()
                .isEmpty()) {
            throw Refusal.unprocessable("unknown_project", "There is no project " + id + ".");
        }
    }
}
