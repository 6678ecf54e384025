/** Low-rank adapters (Hu et al., arXiv 2106.09685), scalar heads, and their files in PEFT's form. */
@NullMarked
package dev.podium.llm.lora;

import org.jspecify.annotations.NullMarked;
