/** The life of a round, and the seam between it and the trainers: what a trainer is given, and what it gives back. */
@NullMarked
package dev.podium.training.round;

import org.jspecify.annotations.NullMarked;
