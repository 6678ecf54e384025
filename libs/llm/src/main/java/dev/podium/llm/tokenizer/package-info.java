/** Text to tokens and back, through Hugging Face's tokenizers. */
@NullMarked
package dev.podium.llm.tokenizer;

import org.jspecify.annotations.NullMarked;
