/** Measures the streams: rankings to preference sets, a labeler's click to a visible set, an adapter to its services. */
@NullMarked
package dev.podium.local.bench.streams;

import org.jspecify.annotations.NullMarked;
