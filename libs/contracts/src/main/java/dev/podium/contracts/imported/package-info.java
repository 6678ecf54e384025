/** What others' files of rankings look like: for the import, and for whoever reads such a file without one. */
@NullMarked
package dev.podium.contracts.imported;

import org.jspecify.annotations.NullMarked;
