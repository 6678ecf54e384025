package dev.podium.feedback.security;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Whom an endpoint is for; on a method, or on a class for all its methods. Where the path has a {@code project} or a
 * {@code round}, roles are those in its project. An endpoint under {@code /api} without it is closed to everybody:
 * {@link AccessFilter} sees to it.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE})
public @interface AllowedTo {
    /** Any of these. */
    Who[] value();
}
