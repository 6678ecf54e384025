/** The language model itself: a decoder of the Llama family on the engine's arrays, and batches of tokens for it. */
@NullMarked
package dev.podium.llm.model;

import org.jspecify.annotations.NullMarked;
