/**
 * All of Podium on one machine: broker and PostgreSQL beside this JVM, each application a supervised process of its own,
 * so that a native crash in a trainer takes nothing else down.
 */
@NullMarked
package dev.podium.local.stack;

import org.jspecify.annotations.NullMarked;
