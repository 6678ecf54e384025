/** podium-nano: the data it learnt from, its tokenizer's training and the recipe that made its weights. */
@NullMarked
package dev.podium.llm.nano;

import org.jspecify.annotations.NullMarked;
