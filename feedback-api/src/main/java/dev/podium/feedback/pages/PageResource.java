package dev.podium.feedback.pages;

import dev.podium.feedback.security.CsrfTokens;
import dev.podium.feedback.security.People;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateInstance;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.annotation.security.PermitAll;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.NewCookie;
import jakarta.ws.rs.core.Response;
import java.util.function.Function;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.jboss.resteasy.reactive.RestPath;
import org.jspecify.annotations.Nullable;

/** The addresses of the pages. Project and round ids are only handed on: the REST interface checks them. */
@Path("/")
@Authenticated
@Produces(MediaType.TEXT_HTML)
public class PageResource {
    private final SecurityIdentity identity;
    private final CsrfTokens tokens;
    private final People people;
    private final String sessionCookie;
    private final boolean provider;

    PageResource(
            SecurityIdentity identity,
            CsrfTokens tokens,
            People people,
            @ConfigProperty(name = "quarkus.http.auth.form.cookie-name", defaultValue = "quarkus-credential")
                    String sessionCookie,
            @ConfigProperty(name = "podium.oidc.enabled") boolean provider) {
        this.identity = identity;
        this.tokens = tokens;
        this.people = people;
        this.sessionCookie = sessionCookie;
        this.provider = provider;
    }

    /** Templates under {@code templates/pages}, checked at build time. */
    @CheckedTemplate(basePath = "pages")
    static final class Pages {
        private Pages() {}

        static native TemplateInstance login(boolean failed, boolean provider);

        static native TemplateInstance unknown(String name);

        static native TemplateInstance home(Viewer viewer);

        static native TemplateInstance forbidden(Viewer viewer, String role);

        static native TemplateInstance label(Viewer viewer, String project);

        static native TemplateInstance console(Viewer viewer);

        static native TemplateInstance project(Viewer viewer, String project);

        static native TemplateInstance labeling(Viewer viewer, String project);

        static native TemplateInstance round(Viewer viewer, String project, String round);
    }

    /** The log-in form; {@code error} is set when a try has failed. */
    @GET
    @Path("login")
    @PermitAll
    @Operation(hidden = true)
    public TemplateInstance login(@QueryParam("error") @Nullable String error) {
        return Pages.login(error != null, provider);
    }

    /** For somebody whom the provider knows, and nobody has added here. */
    public static TemplateInstance unknown(String name) {
        return Pages.unknown(name);
    }

    /** Ends all sessions of who asks: a cookie that was copied is worth nothing then. */
    @POST
    @Path("logout")
    @Produces(MediaType.WILDCARD)
    @Operation(hidden = true)
    public Response logout(@HeaderParam(CsrfTokens.HEADER) @Nullable String token) {
        if (!tokens.matches(identity.getPrincipal().getName(), token)) {
            return Response.status(Response.Status.FORBIDDEN).build();
        }
        QuarkusTransaction.requiringNew()
                .run(() -> people.endSessions(identity.getPrincipal().getName()));
        NewCookie gone = new NewCookie.Builder(sessionCookie)
                .path("/")
                .maxAge(0)
                .httpOnly(true)
                .build();
        return Response.noContent().cookie(gone).build();
    }

    /** The projects to rank in. */
    @GET
    @Operation(hidden = true)
    public TemplateInstance home() {
        return Pages.home(Viewer.of(identity, tokens));
    }

    /** The labeling form of a project. */
    @GET
    @Path("label/{project}")
    @Operation(hidden = true)
    public Response label(@RestPath String project) {
        return pageFor("labeler", viewer -> Pages.label(viewer, project));
    }

    /** The operator's start page: projects and people. */
    @GET
    @Path("console")
    @Operation(hidden = true)
    public Response console() {
        return pageFor("operator", Pages::console);
    }

    /** All of a project: progress, data, rounds, adapters, channels, services. */
    @GET
    @Path("console/{project}")
    @Operation(hidden = true)
    public Response project(@RestPath String project) {
        return pageFor("operator", viewer -> Pages.project(viewer, project));
    }

    /** What labelers skipped and flagged, and whether the position on screen sways them. */
    @GET
    @Path("console/{project}/labeling")
    @Operation(hidden = true)
    public Response labeling(@RestPath String project) {
        return pageFor("operator", viewer -> Pages.labeling(viewer, project));
    }

    /** One round with its curves. */
    @GET
    @Path("console/{project}/rounds/{round}")
    @Operation(hidden = true)
    public Response round(@RestPath String project, @RestPath String round) {
        return pageFor("operator", viewer -> Pages.round(viewer, project, round));
    }

    /** Others get a page that says so, and where they may go; an annotation would give them a blank one. */
    private Response pageFor(String role, Function<Viewer, TemplateInstance> page) {
        Viewer viewer = Viewer.of(identity, tokens);
        return identity.hasRole(role) || viewer.operator()
                ? Response.ok(page.apply(viewer)).build()
                : Response.status(Response.Status.FORBIDDEN)
                        .entity(Pages.forbidden(viewer, role))
                        .build();
    }
}
