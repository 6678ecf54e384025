/** Model files as they are found in the wild: configurations, safetensors, GGUF. Pure Java; knows no engine. */
@NullMarked
package dev.podium.llm.files;

import org.jspecify.annotations.NullMarked;
