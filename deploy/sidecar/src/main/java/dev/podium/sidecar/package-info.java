/**
 * Keeps the adapters of a vLLM server in step with a channel, by its runtime LoRA interface. Exists for services that are
 * not written in Java: what they call stays what they call, and the adapter behind it changes.
 */
@NullMarked
package dev.podium.sidecar;

import org.jspecify.annotations.NullMarked;
