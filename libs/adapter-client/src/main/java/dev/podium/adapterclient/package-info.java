/**
 * What a service embeds to follow a channel of the model topic: each new adapter is fetched, verified, written as a PEFT
 * folder and swapped in while the service runs. Exists so that no service writes this twice, and none loads unverified
 * bytes.
 */
@NullMarked
package dev.podium.adapterclient;

import org.jspecify.annotations.NullMarked;
