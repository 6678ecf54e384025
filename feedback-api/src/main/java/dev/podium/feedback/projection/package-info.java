/** What the topics say, kept in tables that can be dropped and filled again. */
@NullMarked
package dev.podium.feedback.projection;

import org.jspecify.annotations.NullMarked;
