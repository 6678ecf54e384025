/** The connection to Kafka: clients, topics, health. */
@NullMarked
package dev.podium.feedback.kafka;

import org.jspecify.annotations.NullMarked;
