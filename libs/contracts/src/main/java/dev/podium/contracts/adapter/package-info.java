/**
 * Adapters as they travel: a manifest, files cut into chunks, and PEFT's form on disk. What a trainer may publish and
 * what a service may load is judged by the same code.
 */
@NullMarked
package dev.podium.contracts.adapter;

import org.jspecify.annotations.NullMarked;
