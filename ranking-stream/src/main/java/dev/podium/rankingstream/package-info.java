/**
 * Rankings to preference sets, exactly once. The rules are plain functions ({@link
 * dev.podium.rankingstream.PreferenceAggregation}); the topology carries them through Kafka.
 */
@NullMarked
package dev.podium.rankingstream;

import org.jspecify.annotations.NullMarked;
