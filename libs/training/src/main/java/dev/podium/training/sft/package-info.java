/** Supervised fine-tuning on prompt/completion records. */
@NullMarked
package dev.podium.training.sft;

import org.jspecify.annotations.NullMarked;
