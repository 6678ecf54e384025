/**
 * The whole loop without a hand: import, sample, rank, pairs, REWARD, DPO, PPO, promote, swap, win rate. It talks to the
 * same HTTP interface as people do; its labelers are simulated, and it says so.
 */
@NullMarked
package dev.podium.local.demo;

import org.jspecify.annotations.NullMarked;
