package dev.podium.feedback.audit;

import jakarta.enterprise.context.RequestScoped;

/** Whether the request at hand has its entry in the log. */
@RequestScoped
class AuditedRequest {
    private boolean written;

    void written() {
        written = true;
    }

    boolean isWritten() {
        return written;
    }
}
