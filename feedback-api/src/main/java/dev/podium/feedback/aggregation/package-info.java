/** From the votes of a task to one order of its outputs, with what stays open said and not decided by chance. */
@NullMarked
package dev.podium.feedback.aggregation;

import org.jspecify.annotations.NullMarked;
