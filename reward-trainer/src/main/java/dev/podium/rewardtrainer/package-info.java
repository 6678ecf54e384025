/** The reward-trainer as an application: configuration, health, metrics and a clean stop around {@code libs/training}. */
@NullMarked
package dev.podium.rewardtrainer;

import org.jspecify.annotations.NullMarked;
