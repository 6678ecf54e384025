/** Labeling projects and their progress. */
@NullMarked
package dev.podium.feedback.project;

import org.jspecify.annotations.NullMarked;
