/** What Podium does by itself where an operator has set a rule, and why it did or did not. */
@NullMarked
package dev.podium.feedback.automation;

import org.jspecify.annotations.NullMarked;
