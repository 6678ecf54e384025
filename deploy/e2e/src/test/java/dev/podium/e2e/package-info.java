/** Tests of the whole system: one stack of real processes for all of them, and the rules between the modules. */
@NullMarked
package dev.podium.e2e;

import org.jspecify.annotations.NullMarked;
