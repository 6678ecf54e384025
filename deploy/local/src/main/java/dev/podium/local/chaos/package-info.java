/**
 * Podium under fire: a stack whose processes are killed, frozen, cut off from one another, moved in time and robbed of
 * their disk while labelers submit and rounds run; in the end {@link dev.podium.local.check} looks at what is left.
 */
@NullMarked
package dev.podium.local.chaos;

import org.jspecify.annotations.NullMarked;
