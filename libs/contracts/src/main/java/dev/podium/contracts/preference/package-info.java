/**
 * From the facts about one task to its preference set: a pure function, and part of the contract, because a data set must
 * come out of the log again byte for byte, whoever rebuilds it.
 */
@NullMarked
package dev.podium.contracts.preference;

import org.jspecify.annotations.NullMarked;
