/** Servers for tests: one broker and one PostgreSQL for all test classes of a JVM, because starting costs seconds. */
@NullMarked
package dev.podium.embedded.testing;

import org.jspecify.annotations.NullMarked;
