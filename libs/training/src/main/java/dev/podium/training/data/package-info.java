/** What a round learns from: which tasks are trained on and which are kept to judge the result. */
@NullMarked
package dev.podium.training.data;

import org.jspecify.annotations.NullMarked;
