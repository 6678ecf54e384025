package dev.podium.feedback.audit;

import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import jakarta.transaction.Transactional;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The audit log. */
@Path("/api/v1/audit")
@Produces(MediaType.APPLICATION_JSON)
public class AuditResource {
    static final int MOST_LISTED = 1000;

    private final AuditLog log;

    AuditResource(AuditLog log) {
        this.log = log;
    }

    /** Entries, newest first. */
    @GET
    @AllowedTo(Who.ADMINISTRATOR)
    @Transactional
    public List<AuditLog.View> all(
            @QueryParam("before") @DefaultValue("9223372036854775807") long before,
            @QueryParam("limit") @DefaultValue("100") int limit) {
        return log.list(Optional.empty(), before, Math.clamp(limit, 1, MOST_LISTED));
    }

    /**
     * Whether the log is whole.
     *
     * @param head the hash of an entry that was noted earlier, and must still be there
     */
    @GET
    @Path("verify")
    @AllowedTo(Who.ADMINISTRATOR)
    public AuditLog.Verdict verify(@QueryParam("head") @Nullable String head) {
        return log.verify(head);
    }
}
