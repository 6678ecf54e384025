/** Who may do what: log-in, roles, and protection of the pages against forged requests. */
@NullMarked
package dev.podium.feedback.security;

import org.jspecify.annotations.NullMarked;
