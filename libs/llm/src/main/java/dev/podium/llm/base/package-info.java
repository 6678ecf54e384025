/** Base models by name: the small one that ships with Podium, and those in the operator's models folder. */
@NullMarked
package dev.podium.llm.base;

import org.jspecify.annotations.NullMarked;
