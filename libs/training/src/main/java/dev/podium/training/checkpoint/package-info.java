/** Snapshots of a round in the middle, so that a killed trainer goes on where it was. */
@NullMarked
package dev.podium.training.checkpoint;

import org.jspecify.annotations.NullMarked;
