/** How far the work of labelers can be trusted: gold tasks, agreement, reliability, and what looks like haste. */
@NullMarked
package dev.podium.feedback.quality;

import org.jspecify.annotations.NullMarked;
