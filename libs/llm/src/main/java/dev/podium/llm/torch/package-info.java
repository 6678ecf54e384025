/**
 * DJL's PyTorch engine behind one door: start, devices, gradient mode, memory scopes and the fused operations. No other
 * package touches the engine's internal classes.
 */
@NullMarked
package dev.podium.llm.torch;

import org.jspecify.annotations.NullMarked;
