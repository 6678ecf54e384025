/** Exports of pairs, as consistent snapshots. */
@NullMarked
package dev.podium.feedback.exporting;

import org.jspecify.annotations.NullMarked;
