/** Tasks: who gets which one next, and in which order the outputs are shown. */
@NullMarked
package dev.podium.feedback.task;

import org.jspecify.annotations.NullMarked;
