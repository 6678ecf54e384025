/** People judge between two adapters without knowing which is which: how often one wins, and how sure that is. */
@NullMarked
package dev.podium.feedback.ab;

import org.jspecify.annotations.NullMarked;
