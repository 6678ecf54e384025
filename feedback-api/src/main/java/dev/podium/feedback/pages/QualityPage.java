package dev.podium.feedback.pages;

import dev.podium.feedback.security.CsrfTokens;
import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateInstance;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.jboss.resteasy.reactive.RestPath;

/** The page of a project's agreement, labelers and tasks without a majority. */
@Path("/console/{project}/quality")
@Produces(MediaType.TEXT_HTML)
@Authenticated
public class QualityPage {
    private final SecurityIdentity identity;
    private final CsrfTokens tokens;

    QualityPage(SecurityIdentity identity, CsrfTokens tokens) {
        this.identity = identity;
        this.tokens = tokens;
    }

    @CheckedTemplate(basePath = "pages")
    static final class Pages {
        private Pages() {}

        static native TemplateInstance quality(Viewer viewer, String project);
    }

    /** Operators see it; the data comes from the REST interface, which checks the project. */
    @GET
    @Operation(hidden = true)
    public Response quality(@RestPath String project) {
        Viewer viewer = Viewer.of(identity, tokens);
        return viewer.operator()
                ? Response.ok(Pages.quality(viewer, project)).build()
                : Response.status(Response.Status.FORBIDDEN)
                        .entity(PageResource.Pages.forbidden(viewer, "operator"))
                        .build();
    }
}
