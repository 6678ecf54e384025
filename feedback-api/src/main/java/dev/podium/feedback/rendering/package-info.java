/**
 * Hostile text to inert HTML. Exists so that whatever a model or an imported file says can be shown to people without
 * running, loading or hiding anything.
 */
@NullMarked
package dev.podium.feedback.rendering;

import org.jspecify.annotations.NullMarked;
