/** Which artifacts are kept, and the removal of those that nothing refers to any more. */
@NullMarked
package dev.podium.feedback.artifact;

import org.jspecify.annotations.NullMarked;
