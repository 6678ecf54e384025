/**
 * Reading a topic up to an end and then being done, as opposed to following it: pinned data, one manifest, the chunks of
 * an artifact, the events of one round.
 */
@NullMarked
package dev.podium.contracts.log;

import org.jspecify.annotations.NullMarked;
