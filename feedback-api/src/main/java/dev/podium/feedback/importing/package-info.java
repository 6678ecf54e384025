/** Imports of prompts, outputs and rankings, as streams. */
@NullMarked
package dev.podium.feedback.importing;

import org.jspecify.annotations.NullMarked;
