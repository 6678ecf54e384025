package dev.podium.local.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.llm.nano.SupportDialogues;
import java.util.List;
import org.junit.jupiter.api.Test;

class SupportRubricTest {
    private static final String BEST =
            "Hello! We are sorry that your lamp does not start. Please try another wall socket."
                    + " Then charge it for at least one hour. After that, hold the power button for ten seconds."
                    + " Let us know if you need anything else.";

    @Test
    void completeAnswerGetsAllPoints() {
        assertEquals(SupportRubric.BEST, SupportRubric.score(BEST));
    }

    @Test
    void brushOffIsWorst() {
        assertTrue(SupportRubric.score("Not my problem.") < 0);
        assertTrue(SupportRubric.score("Read the manual.") < SupportRubric.score("Charge it for at least one hour."));
    }

    @Test
    void eachMissingPartCosts() {
        for (String part : List.of(
                "Hello! ",
                "We are sorry that your lamp does not start. ",
                "After that, hold the power button for ten seconds. ",
                " Let us know if you need anything else.")) {
            assertEquals(
                    SupportRubric.BEST - 1,
                    SupportRubric.score(BEST.replace(part.strip(), "").strip()),
                    part);
        }
    }

    @Test
    void answerThatIsCutOffLosesAPoint() {
        assertEquals(SupportRubric.BEST - 1, SupportRubric.score(BEST.substring(0, BEST.length() - 1)));
    }

    @Test
    void answersOfTheGrammarDiffer() {
        long told = SupportDialogues.tasks(SupportDialogues.Split.TRAIN, 50, 3).stream()
                .filter(task -> task.answers().stream()
                                .map(SupportRubric::score)
                                .distinct()
                                .count()
                        >= 3)
                .count();
        assertTrue(told >= 30, told + " of 50 tasks have three or four different scores");
    }

    @Test
    void threeStepsOfTheGrammarAreSeen() {
        for (SupportDialogues.Task task : SupportDialogues.tasks(SupportDialogues.Split.TRAIN, 300, 5)) {
            for (String answer : task.answers()) {
                if (answer.contains("After that, ")) {
                    // Three steps, a whole sentence, enough words.
                    assertTrue(SupportRubric.score(answer) >= 5, answer);
                }
            }
        }
    }
}
