/** The losses, each a pure function of arrays, so that a formula can be read, tested and compared on its own. */
@NullMarked
package dev.podium.training.loss;

import org.jspecify.annotations.NullMarked;
