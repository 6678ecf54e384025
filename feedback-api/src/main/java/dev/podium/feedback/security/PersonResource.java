package dev.podium.feedback.security;

import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import dev.podium.feedback.rest.Bodies;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.elytron.security.common.BcryptUtil;
import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import io.quarkus.panache.common.Sort;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.ext.web.RoutingContext;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.InputStream;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jboss.resteasy.reactive.RestPath;
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
    private final AuditLog audit;
    private final ErasedNames erased;
    private final SessionStamps stamps;

    PersonResource(
            SecurityIdentity identity,
            People people,
            EntityManager entities,
            AuditLog audit,
            ErasedNames erased,
            SessionStamps stamps) {
        this.identity = identity;
        this.people = people;
        this.entities = entities;
        this.audit = audit;
        this.erased = erased;
        this.stamps = stamps;
    }

    /**
     * Who someone is, without secrets.
     *
     * @param role administrator, or the highest role in any project; empty for somebody in none
     * @param projects role by project; {@code *} stands for all that are not named
     */
    public record View(String name, String role, Map<String, String> projects, boolean disabled) {
        static View of(String name, boolean administrator, Map<String, String> projects, boolean disabled) {
            String role = administrator
                    ? ADMINISTRATOR
                    : projects.values().stream()
                            .map(Role::of)
                            .sorted()
                            .findFirst()
                            .map(Role::word)
                            .orElse("");
            return new View(name, role, projects, disabled);
        }
    }

    /**
     * A person to create.
     *
     * @param role administrator, or the role in each of {@code projects}
     * @param projects ids, or {@code *} for every project there is and will be
     * @param oidc true for who logs in by the OpenID Connect provider, and has no password
     * @param returning true for the same person as the one of that name who was removed
     */
    public record NewPerson(
            @Nullable String name,
            @Nullable String password,
            @Nullable String role,
            @Nullable List<String> projects,
            @Nullable Boolean oidc,
            @Nullable Boolean returning) {}

    /** Who is logged in. */
    @GET
    @Path("me")
    @AllowedTo(Who.ANYONE)
    public View me() {
        Access access = Access.of(identity);
        Map<String, String> projects = new TreeMap<>();
        access.everywhere().ifPresent(role -> projects.put(EVERY_PROJECT, role.word()));
        access.projects().forEach((project, role) -> projects.put(project, role.word()));
        return View.of(identity.getPrincipal().getName(), access.administrator(), projects, false);
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
        return View.of(person.name, person.administrator, projects, person.disabledAt != null);
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
        person.passwordHash = Boolean.TRUE.equals(wanted.oidc()) && wanted.password() == null
                ? ""
                : BcryptUtil.bcryptHash(Passwords.require(wanted.password()));
        person.createdAt = Clock.systemUTC().instant();
        PanacheEntityBase there = Person.findById(wanted.name());
        if (there != null || erased.contains(wanted.name())) {
            throw new Refusal(
                    409, "name_taken", "There is or was somebody called " + wanted.name() + "; take another name.");
        }
        if (people.wasRemoved(wanted.name()) && !Boolean.TRUE.equals(wanted.returning())) {
            throw new Refusal(
                    409,
                    "name_of_removed",
                    "There was somebody called " + wanted.name() + ", and what they ranked stands under that name. Take"
                            + " another name; or, if it is the same person, say so: returning.");
        }
        entities.createNativeQuery("delete from removed_person where name = :name")
                .setParameter("name", wanted.name())
                .executeUpdate();
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
        audit.append(Act.of("person.added", "")
                .to(people.idOf(person.name).orElseThrow())
                .with("role", administrator ? ADMINISTRATOR : role.word())
                .with("projects", String.join(" ", projects)));
        return Response.status(201).entity(view(person, named)).build();
    }

    /** The own password, and the one to come. */
    public record OwnPassword(
            @Nullable String current, @Nullable String password) {}

    /** Changes the own password. */
    @PUT
    @Path("me/password")
    @AllowedTo(Who.ANYONE)
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public void changeOwn(InputStream body, @Context RoutingContext context) {
        Access.of(identity).requirePerson();
        OwnPassword wanted = Bodies.json(body, OwnPassword.class);
        Person me = required(identity.getPrincipal().getName());
        if (me.passwordHash.isEmpty()) {
            throw Refusal.unprocessable(
                    "no_password", "You log in by your organisation and have no password here; change it there.");
        }
        if (wanted.current() == null || !BcryptUtil.matches(wanted.current(), me.passwordHash)) {
            throw Refusal.unprocessable("wrong_password", "The current password is not right.");
        }
        me.passwordHash = BcryptUtil.bcryptHash(Passwords.require(wanted.password()));
        // Other sessions end; this one goes on.
        stamps.set(context, me.name, me.passwordHash, me.sessionVersion);
        audit.append(Act.of("password.changed", "").to(me.id.toString()));
    }

    /** A password to set; one is made where it is left out. */
    public record NewPassword(
            @Nullable String password, @Nullable String reason) {}

    /** A password that was made; it is not shown again. */
    public record MadePassword(String name, @Nullable String password) {}

    /** Gives somebody a new password. */
    @PUT
    @Path("users/{person}/password")
    @AllowedTo(Who.ADMINISTRATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public MadePassword reset(@RestPath String person, InputStream body) {
        NewPassword wanted = Bodies.json(body, NewPassword.class);
        Person whose = required(person);
        String password = wanted.password() == null ? Passwords.random() : Passwords.require(wanted.password());
        whose.passwordHash = BcryptUtil.bcryptHash(password);
        audit.append(Act.of("password.reset", "").to(whose.id.toString()).because(wanted.reason()));
        return new MadePassword(person, wanted.password() == null ? password : null);
    }

    /** Why something is done. */
    public record Reason(@Nullable String reason) {}

    /** Keeps somebody from logging in; sessions and tokens of theirs end at once. */
    @POST
    @Path("users/{person}/disable")
    @AllowedTo(Who.ADMINISTRATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public void disable(@RestPath String person, InputStream body) {
        Reason why = Bodies.json(body, Reason.class);
        Person whose = notMyself(person);
        whose.disabledAt = Clock.systemUTC().instant();
        // Not to come to life again with the person.
        whose.sessionVersion++;
        audit.append(Act.of("person.disabled", "").to(whose.id.toString()).because(why.reason()));
    }

    /** Lets somebody log in again. */
    @POST
    @Path("users/{person}/enable")
    @AllowedTo(Who.ADMINISTRATOR)
    @Consumes(MediaType.APPLICATION_JSON)
    @Transactional
    public void enable(@RestPath String person, InputStream body) {
        Reason why = Bodies.json(body, Reason.class);
        Person whose = required(person);
        whose.disabledAt = null;
        audit.append(Act.of("person.enabled", "").to(whose.id.toString()).because(why.reason()));
    }

    /** Removes a log-in; the person's rankings stay under their name. To be forgotten is another act: erase. */
    @DELETE
    @Path("users/{person}")
    @AllowedTo(Who.ADMINISTRATOR)
    @Transactional
    public void remove(@RestPath String person, @QueryParam("reason") @Nullable String reason) {
        Person whose = notMyself(person);
        whose.delete();
        entities.createNativeQuery("insert into removed_person (name) values (:name) on conflict do nothing")
                .setParameter("name", person)
                .executeUpdate();
        audit.append(Act.of("person.removed", "").to(whose.id.toString()).because(reason));
    }

    private static Person required(String name) {
        Person person = Person.findById(name);
        if (person == null) {
            throw Refusal.notFound("Person " + name);
        }
        return person;
    }

    /** Nobody locks themselves out: so there is always an administrator. */
    private Person notMyself(String name) {
        Person person = required(name);
        if (name.equals(identity.getPrincipal().getName())) {
            throw Refusal.unprocessable("yourself", "You cannot do this to yourself; ask another administrator.");
        }
        return person;
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
