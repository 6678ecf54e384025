package dev.podium.contracts;

/**
 * Where a round stands according to its events, and the one place that says which event may follow which. Trainers check
 * what they write by it, readers what they read.
 *
 * <pre>
 *   REQUESTED --Accepted--> ACCEPTED --Started--> RUNNING --Succeeded--> SUCCEEDED
 *       |                      |                  |  ^ |
 *       |                      |                  |  | +--Progress, Checkpointed: the step never falls
 *       |                      |                  |  +----Started: again after a crash, from a checkpoint
 *       +----------------------+------------------+--Failed--> FAILED
 *       +----------------------+------------------+--Cancelled--> CANCELLED
 * </pre>
 *
 * Progress may be lost while Kafka is away, so an event may come early: it then stands for those before it. What would
 * lead backwards is refused: a second acceptance, a step that falls without a new start, anything after the end. Such an
 * event is the late word of a trainer that another has taken the round over from.
 */
public sealed interface RoundState {
    /** Before any event. */
    RoundState REQUESTED = new Requested();

    /** Commanded, and not taken yet. */
    record Requested() implements RoundState {}

    /** A trainer has it. */
    record Accepted() implements RoundState {}

    /**
     * At work.
     *
     * @param totalSteps 0 when not known, where the start was lost
     */
    record Running(int step, int totalSteps) implements RoundState {}

    /** Ended with a result. */
    record Succeeded() implements RoundState {}

    /** Ended without one. */
    record Failed(String code) implements RoundState {}

    /** Ended by an operator. */
    record Cancelled() implements RoundState {}

    /** What an event makes of a state. */
    sealed interface Transition {}

    /** The event may follow. */
    record Taken(RoundState state) implements Transition {}

    /** The event may not follow; nothing changes. */
    record Refused(String why) implements Transition {}

    /** As pages and interfaces name it. */
    default String label() {
        return switch (this) {
            case Requested requested -> "REQUESTED";
            case Accepted accepted -> "ACCEPTED";
            case Running running -> "RUNNING";
            case Succeeded succeeded -> "SUCCEEDED";
            case Failed failed -> "FAILED";
            case Cancelled cancelled -> "CANCELLED";
        };
    }

    /** Whether nothing can follow. */
    default boolean ended() {
        return switch (this) {
            case Requested requested -> false;
            case Accepted accepted -> false;
            case Running running -> false;
            case Succeeded succeeded -> true;
            case Failed failed -> true;
            case Cancelled cancelled -> true;
        };
    }

    /** The state after an event, or why it may not follow. */
    default Transition after(RoundEvent event) {
        if (ended()) {
            return new Refused(name(event) + " after the end, " + label());
        }
        return switch (event) {
            case RoundEvent.Accepted accepted ->
                this instanceof Requested
                        ? new Taken(new Accepted())
                        : new Refused("Accepted a second time, in state " + label());
            case RoundEvent.Started started ->
                started.resumedFromStep() < 0 || started.resumedFromStep() > started.totalSteps()
                        ? new Refused("Started from step " + started.resumedFromStep() + " of " + started.totalSteps())
                        : new Taken(new Running(started.resumedFromStep(), started.totalSteps()));
            case RoundEvent.Progress progress -> progressed(progress.step(), progress.totalSteps());
            case RoundEvent.Checkpointed checkpointed ->
                // Also of a step whose progress was lost.
                progressed(Math.max(checkpointed.step(), step()), totalSteps());
            case RoundEvent.Succeeded succeeded -> new Taken(new Succeeded());
            case RoundEvent.Failed failed -> new Taken(new Failed(failed.code()));
            case RoundEvent.Cancelled cancelled -> new Taken(new Cancelled());
        };
    }

    /** The step reached; 0 where there is none. */
    default int step() {
        return this instanceof Running running ? running.step() : 0;
    }

    /** All steps; 0 where they are not known. */
    default int totalSteps() {
        return this instanceof Running running ? running.totalSteps() : 0;
    }

    private Transition progressed(int step, int total) {
        if (step < step()) {
            return new Refused("step " + step + " after step " + step() + " without a new start");
        }
        if (total > 0 && step > total) {
            return new Refused("step " + step + " of " + total);
        }
        return new Taken(new Running(step, total));
    }

    private static String name(RoundEvent event) {
        return event.getClass().getSimpleName();
    }
}
