/** What all endpoints share: bodies with limits, strict JSON, problems as RFC 9457, idempotent answers. */
@NullMarked
package dev.podium.feedback.rest;

import org.jspecify.annotations.NullMarked;
