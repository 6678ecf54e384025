/** Sampling of completions. */
@NullMarked
package dev.podium.llm.generate;

import org.jspecify.annotations.NullMarked;
