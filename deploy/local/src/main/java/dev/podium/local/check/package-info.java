/**
 * Looks from outside whether Podium did what it promised: reads PostgreSQL and the topics as they are, and computes what
 * should be there from what labelers were told. It shares no code with the applications, nor with the libraries they
 * are made of (a test holds this), so that a mistake there is not made here once more.
 */
@NullMarked
package dev.podium.local.check;

import org.jspecify.annotations.NullMarked;
