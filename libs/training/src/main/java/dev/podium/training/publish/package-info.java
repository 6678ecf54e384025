/**
 * How what a trainer does reaches the log: round events, samples, and an adapter as chunks, manifest and success in one
 * transaction.
 */
@NullMarked
package dev.podium.training.publish;

import org.jspecify.annotations.NullMarked;
