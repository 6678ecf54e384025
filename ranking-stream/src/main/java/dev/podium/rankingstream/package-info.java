/**
 * Rankings to preference sets, exactly once. The rules are plain functions ({@link
 * dev.podium.contracts.preference.PreferenceAggregation}); the topology carries them through Kafka.
 */
@NullMarked
package dev.podium.rankingstream;

import org.jspecify.annotations.NullMarked;
