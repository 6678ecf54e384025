/** What an operator watches: what moves, what waits, what was given up, and hints to pages that something is new. */
@NullMarked
package dev.podium.feedback.operations;

import org.jspecify.annotations.NullMarked;
