/** Fresh outputs for prompts, which become new tasks for labelers. */
@NullMarked
package dev.podium.training.sample;

import org.jspecify.annotations.NullMarked;
