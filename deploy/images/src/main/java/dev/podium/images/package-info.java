/** Container images of the applications, made by Jib from what Maven built: no container engine is needed. */
@NullMarked
package dev.podium.images;

import org.jspecify.annotations.NullMarked;
