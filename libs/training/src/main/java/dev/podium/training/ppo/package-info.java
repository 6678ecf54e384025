/** Proximal policy optimisation against a reward adapter, with one base model in memory. */
@NullMarked
package dev.podium.training.ppo;

import org.jspecify.annotations.NullMarked;
