/** Rankings: submitted, corrected, retracted, each with its event in the same transaction. */
@NullMarked
package dev.podium.feedback.ranking;

import org.jspecify.annotations.NullMarked;
