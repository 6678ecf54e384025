/** The REST interface of feedback-api as the command line and the demo use it: the same calls that people's browsers make. */
@NullMarked
package dev.podium.local.client;

import org.jspecify.annotations.NullMarked;
