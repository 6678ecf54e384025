/** Adapters, their lineage, channels and what services report. */
@NullMarked
package dev.podium.feedback.adapter;

import org.jspecify.annotations.NullMarked;
