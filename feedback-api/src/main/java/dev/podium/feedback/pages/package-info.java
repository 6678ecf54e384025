/**
 * The pages people see: log-in, labeling form, operator console. They are thin: a template gives the frame, script
 * modules under {@code META-INF/resources/web} fill it from the same REST interface that programs use. There is nothing
 * to build: no Node, no bundler. Elements are made from data ({@code dom.js}), never from strings; outputs come as HTML
 * that {@link dev.podium.feedback.rendering.SafeMarkdown} has made inert.
 *
 * <p>Who changes a page keeps: visible focus, labels on controls, announcements of what changes, a single-pointer way
 * beside each drag, and everything by keys alone.
 */
@NullMarked
package dev.podium.feedback.pages;

import org.jspecify.annotations.NullMarked;
