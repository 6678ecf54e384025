/** What the visible loop of each trainer shares: how it starts from an adapter, what it tells, how it evaluates. */
@NullMarked
package dev.podium.training.loop;

import org.jspecify.annotations.NullMarked;
