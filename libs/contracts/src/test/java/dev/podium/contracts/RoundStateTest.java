package dev.podium.contracts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.contracts.RoundState.Refused;
import dev.podium.contracts.RoundState.Taken;
import dev.podium.contracts.RoundState.Transition;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class RoundStateTest {
    private static final Instant AT = Instant.EPOCH;

    private static final List<RoundState> STATES = List.of(
            RoundState.REQUESTED,
            new RoundState.Accepted(),
            new RoundState.Running(4, 10),
            new RoundState.Succeeded(),
            new RoundState.Failed("no_data"),
            new RoundState.Cancelled());

    private static final List<RoundEvent> EVENTS = List.of(
            new RoundEvent.Accepted("r", "p", "trainer", AT),
            new RoundEvent.Started("r", "p", 0, 10, Map.of(), AT),
            progress(5),
            new RoundEvent.Checkpointed("r", "p", 4, AT),
            new RoundEvent.Succeeded("r", "p", Optional.of("v1"), Map.of(), AT),
            new RoundEvent.Failed("r", "p", "internal", "a bug", AT),
            new RoundEvent.Cancelled("r", "p", 4, AT));

    /** Rows: states; columns: Accepted, Started, Progress, Checkpointed, Succeeded, Failed, Cancelled. */
    private static final Map<String, String> TABLE = new LinkedHashMap<>(Map.of(
            "REQUESTED", "ACCEPTED RUNNING RUNNING RUNNING SUCCEEDED FAILED CANCELLED",
            "ACCEPTED", "- RUNNING RUNNING RUNNING SUCCEEDED FAILED CANCELLED",
            "RUNNING", "- RUNNING RUNNING RUNNING SUCCEEDED FAILED CANCELLED",
            "SUCCEEDED", "- - - - - - -",
            "FAILED", "- - - - - - -",
            "CANCELLED", "- - - - - - -"));

    @Test
    void everyEventInEveryStateIsTakenOrRefusedAsTheTableSays() {
        for (RoundState state : STATES) {
            String row = EVENTS.stream()
                    .map(event -> state.after(event) instanceof Taken(RoundState next) ? next.label() : "-")
                    .collect(Collectors.joining(" "));
            assertEquals(TABLE.get(state.label()), row, state.label());
        }
        // A kind of event or state that is added has to be added here.
        assertEquals(RoundEvent.class.getPermittedSubclasses().length, EVENTS.size());
        assertEquals(
                STATES.size(), STATES.stream().map(RoundState::label).distinct().count());
    }

    @Test
    void aStepFallsOnlyByANewStart() {
        RoundState running = new RoundState.Running(7, 10);

        assertRefused(running.after(progress(6)), "step 6 after step 7");
        RoundState again = taken(running.after(new RoundEvent.Started("r", "p", 4, 10, Map.of(), AT)));
        assertEquals(new RoundState.Running(5, 10), taken(again.after(progress(5))));
    }

    @Test
    void aStepBehindTheLastIsRefused() {
        assertRefused(new RoundState.Running(7, 10).after(progress(11)), "step 11 of 10");
        assertRefused(
                RoundState.REQUESTED.after(new RoundEvent.Started("r", "p", 11, 10, Map.of(), AT)), "step 11 of 10");
    }

    @Test
    void aLateCheckpointChangesNothing() {
        RoundState running = new RoundState.Running(7, 10);

        assertEquals(running, taken(running.after(new RoundEvent.Checkpointed("r", "p", 6, AT))));
    }

    private static RoundEvent progress(int step) {
        return new RoundEvent.Progress("r", "p", step, 10, Map.of(), 0, AT);
    }

    private static RoundState taken(Transition transition) {
        return assertInstanceOf(Taken.class, transition).state();
    }

    private static void assertRefused(Transition transition, String why) {
        String said = assertInstanceOf(Refused.class, transition).why();
        assertTrue(said.contains(why), said);
    }
}
