/** Reward models: Bradley-Terry over all pairs of a task at once. */
@NullMarked
package dev.podium.training.reward;

import org.jspecify.annotations.NullMarked;
