/** Labelers whose rankings shall not count: taken back, and no new ones. */
@NullMarked
package dev.podium.feedback.exclusion;

import org.jspecify.annotations.NullMarked;
