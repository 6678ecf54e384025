/** To be forgotten: a person's name and comments go, their rankings stay under a pseudonym or are taken back. */
@NullMarked
package dev.podium.feedback.erasure;

import org.jspecify.annotations.NullMarked;
