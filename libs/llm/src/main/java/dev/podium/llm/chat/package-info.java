/** Chat templates: from messages to the text that a model was trained on. */
@NullMarked
package dev.podium.llm.chat;

import org.jspecify.annotations.NullMarked;
