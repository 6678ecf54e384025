/** Every method of training with several seeds: what it is worth on held-out tasks, before and after. */
@NullMarked
package dev.podium.local.bench.methods;

import org.jspecify.annotations.NullMarked;
