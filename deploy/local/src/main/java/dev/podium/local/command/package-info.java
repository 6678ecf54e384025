/** The command line: one class per group of verbs, all over the REST interface. */
@NullMarked
package dev.podium.local.command;

import org.jspecify.annotations.NullMarked;
