package dev.podium.feedback.audit;

import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.container.ResourceInfo;
import java.util.Locale;
import java.util.Set;
import org.jboss.resteasy.reactive.server.ServerResponseFilter;
import org.jspecify.annotations.Nullable;

/**
 * Sees to it that no act of an operator goes without an entry: what an endpoint for operators changed and did not write
 * down itself, with what only it knows, is written down here by the names of the code and the values of the address.
 */
public class AuditFilter {
    private static final Set<String> SAFE = Set.of("GET", "HEAD", "OPTIONS");

    private final AuditLog log;
    private final AuditedRequest request;

    AuditFilter(AuditLog log, AuditedRequest request) {
        this.log = log;
        this.request = request;
    }

    @ServerResponseFilter
    public void write(ContainerRequestContext asked, ContainerResponseContext answer, @Nullable ResourceInfo resource) {
        if (SAFE.contains(asked.getMethod())
                || answer.getStatus() >= 400
                || resource == null
                || resource.getResourceMethod() == null
                || request.isWritten()
                || !isForOperatorsOnly(resource)) {
            return;
        }
        var parameters = asked.getUriInfo().getPathParameters();
        String project = parameters.getFirst("project");
        String subject = resource.getResourceClass().getSimpleName().replaceFirst("Resource$", "");
        Act act = Act.of(
                        subject.substring(0, 1).toLowerCase(Locale.ROOT) + subject.substring(1) + "."
                                + resource.getResourceMethod().getName(),
                        "")
                .in(project == null ? "" : project);
        for (String name : parameters.keySet()) {
            // People stand in the log by id alone; who is meant is known to the endpoint, not to its address.
            if (!name.equals("project") && !name.equals("person") && !name.equals("labeler")) {
                act = act.with(name, parameters.getFirst(name));
            }
        }
        Act done = act;
        QuarkusTransaction.requiringNew().run(() -> log.append(done));
    }

    private static boolean isForOperatorsOnly(ResourceInfo resource) {
        AllowedTo allowed = resource.getResourceMethod().getAnnotation(AllowedTo.class);
        if (allowed == null) {
            allowed = resource.getResourceClass().getAnnotation(AllowedTo.class);
        }
        if (allowed == null) {
            return false;
        }
        Set<Who> who = Set.of(allowed.value());
        return !who.contains(Who.ANYONE) && !who.contains(Who.LABELER);
    }
}
