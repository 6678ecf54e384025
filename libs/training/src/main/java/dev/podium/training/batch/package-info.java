/** From preference sets and records to padded batches of token ids, and the passes of the model over them. */
@NullMarked
package dev.podium.training.batch;

import org.jspecify.annotations.NullMarked;
