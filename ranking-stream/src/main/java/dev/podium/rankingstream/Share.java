package dev.podium.rankingstream;

import java.time.Instant;

/**
 * What one task adds to a sum. Differences of shares travel to the key of the sum and are added there, so that a change
 * takes back exactly what it replaces.
 */
interface Share<S extends Share<S>> {
    /** Key of the sum. */
    String key();

    S plus(S other);

    S minus(S other);

    /** Whether adding it changes nothing. */
    boolean isNothing();

    /** The newest time of what was summed. */
    Instant at();

    /** What is published of a sum. */
    Object figures();
}
