/** Where completions come from: this process, or a server that serves our adapters. */
@NullMarked
package dev.podium.training.rollout;

import org.jspecify.annotations.NullMarked;
