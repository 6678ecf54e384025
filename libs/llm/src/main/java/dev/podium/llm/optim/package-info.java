/** The optimiser of every training loop. */
@NullMarked
package dev.podium.llm.optim;

import org.jspecify.annotations.NullMarked;
