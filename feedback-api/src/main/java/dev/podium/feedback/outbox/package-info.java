/** Events on their way to Kafka: written with the row they speak of, sent after the commit. */
@NullMarked
package dev.podium.feedback.outbox;

import org.jspecify.annotations.NullMarked;
