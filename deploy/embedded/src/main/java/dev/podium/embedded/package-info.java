/**
 * The real servers that Podium needs, on this machine and without a container engine: for the local stack and for
 * tests. No application depends on this package; they are given addresses.
 */
@NullMarked
package dev.podium.embedded;

import org.jspecify.annotations.NullMarked;
