/**
 * What the applications say to one another: topics, events as records, and their JSON form on Kafka. Exists so that no
 * application depends on another.
 */
@NullMarked
package dev.podium.contracts;

import org.jspecify.annotations.NullMarked;
