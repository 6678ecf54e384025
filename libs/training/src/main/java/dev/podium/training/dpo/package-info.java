/** Direct preference optimisation and its relatives. */
@NullMarked
package dev.podium.training.dpo;

import org.jspecify.annotations.NullMarked;
