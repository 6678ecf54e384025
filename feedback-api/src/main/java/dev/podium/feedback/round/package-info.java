/** Rounds: triggering, cancelling, and what became of them. */
@NullMarked
package dev.podium.feedback.round;

import org.jspecify.annotations.NullMarked;
