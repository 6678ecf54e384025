package dev.podium.local.chaos;

import java.util.List;

/**
 * One thing that goes wrong.
 *
 * @param number from 1
 * @param pauseMillis before it
 * @param holdMillis how long it lasts; of a killed process: until it is started again
 * @param clockSeconds how far the clock is moved; 0 for other kinds
 * @param recover whether the target is ready again before the next fault; else the next hits a system that still mends
 */
record Fault(
        int number, Kind kind, Target target, long pauseMillis, long holdMillis, long clockSeconds, boolean recover) {

    /** What happens. */
    enum Kind {
        /** SIGKILL, started again at once. */
        KILL,
        /** SIGKILL, started again after a while. */
        OUTAGE,
        /** SIGSTOP, then SIGCONT: a long pause, as of a virtual machine that is moved. */
        FREEZE,
        /** Open connections are reset; new ones are taken. */
        RESET,
        /** Connections are reset, and new ones, too. */
        REFUSE,
        /** Nothing passes in either direction, and nobody is told. */
        BLACK_HOLE,
        /** Requests pass, answers do not: work is done that its sender knows nothing of. */
        LOSE_ANSWERS,
        /** No byte is left on the disk of the state stores. */
        DISK_FULL,
        /** The wall clock of a process jumps, and jumps back. */
        CLOCK;

        static final List<Kind> OF_LINKS = List.of(RESET, REFUSE, BLACK_HOLE, LOSE_ANSWERS);
    }
}
