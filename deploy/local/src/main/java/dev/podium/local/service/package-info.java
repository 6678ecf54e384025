/**
 * A small service that answers prompts with the base model and the adapter that its channel points to: the example of
 * how a service embeds {@code libs/adapter-client}, and the consumer in the demo.
 */
@NullMarked
package dev.podium.local.service;

import org.jspecify.annotations.NullMarked;
