/**
 * Who did what, and why: a log that is only appended to, each entry with the hash of the one before. People stand in it
 * by their ids, so that erasing a person leaves it whole.
 */
@NullMarked
package dev.podium.feedback.audit;

import org.jspecify.annotations.NullMarked;
