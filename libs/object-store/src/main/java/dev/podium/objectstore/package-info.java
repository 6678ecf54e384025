/**
 * Artifacts and checkpoints in an S3-compatible object store. Exists apart from the adapter client, so that a service that
 * reads chunks from Kafka carries no SDK.
 */
@NullMarked
package dev.podium.objectstore;

import org.jspecify.annotations.NullMarked;
