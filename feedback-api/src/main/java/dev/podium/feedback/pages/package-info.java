/**
 * The pages people see: log-in, labeling form, operator console. They are thin: a template gives the frame, a script
 * module fills it from the same REST interface that programs use.
 */
@NullMarked
package dev.podium.feedback.pages;

import org.jspecify.annotations.NullMarked;
