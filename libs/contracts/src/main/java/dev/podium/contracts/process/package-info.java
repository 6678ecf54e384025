/** What every application needs that another process starts and ends. */
@NullMarked
package dev.podium.contracts.process;

import org.jspecify.annotations.NullMarked;
