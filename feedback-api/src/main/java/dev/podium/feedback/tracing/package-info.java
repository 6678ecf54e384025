/** What caused an event: the trace of the request, kept with the event in the outbox. */
@NullMarked
package dev.podium.feedback.tracing;

import org.jspecify.annotations.NullMarked;
