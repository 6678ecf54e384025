/** What alerts are made of and no single request knows. */
@NullMarked
package dev.podium.feedback.metrics;

import org.jspecify.annotations.NullMarked;
