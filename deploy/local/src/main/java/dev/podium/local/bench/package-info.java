/** Benchmarks of training and sampling, and their comparison with Python's standard tools in the same run. */
@NullMarked
package dev.podium.local.bench;

import org.jspecify.annotations.NullMarked;
