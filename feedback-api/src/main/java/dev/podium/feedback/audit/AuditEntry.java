package dev.podium.feedback.audit;

import dev.podium.contracts.EventJson;
import dev.podium.feedback.rest.IdempotentAnswers;
import java.util.List;

/**
 * An entry of the log.
 *
 * @param actor id of a person or of a token; {@code system} for what Podium did itself
 * @param detail as JSON
 * @param previous hash of the entry before; empty for the first
 * @param hash SHA-256 of all other fields, as a JSON list of texts
 */
record AuditEntry(
        long sequence,
        String at,
        String actor,
        String action,
        String project,
        String target,
        String person,
        String reason,
        String detail,
        String previous,
        String hash) {
    /** What the hash must be. */
    String expectedHash() {
        return IdempotentAnswers.sha256(EventJson.writeText(List.of(
                Long.toString(sequence), at, actor, action, project, target, person, reason, detail, previous)));
    }
}
