package dev.podium.local.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.EventJson;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EvaluationTablesTest {
    @Test
    void aPersonCanReadWhatAResultWasJudgedBy() throws Exception {
        Evaluation evaluation = new Evaluation(
                Optional.of(new Evaluation.Verdict(
                        "improved", "heldout_accuracy_after", 0.75, 0.5, 120, true, "above 0.5 before")),
                List.of(new Evaluation.Bin(0.5, 0.55, 112, 0.53, 0.4), new Evaluation.Bin(0.55, 0.6, 0, 0, 0)),
                List.of(new Evaluation.Share("lea", 100, 0.8), new Evaluation.Share("tom", 20, 0.5)),
                List.of(new Evaluation.Share("billing", 120, 0.75)));

        List<String> lines = EvaluationTables.lines(new ObjectMapper().readTree(EventJson.write(evaluation)));

        assertEquals("""
                verdict: published; above 0.5 before

                how often it is right, by how sure it is
                  sure         pairs  predicted  observed
                  0.50 - 0.55    112       0.53      0.40
                  0.55 - 0.60      0          -         -

                held-out accuracy by labeler
                  labeler  pairs  accuracy
                  lea        100      0.80
                  tom         20      0.50

                held-out accuracy by group
                  group    pairs  accuracy
                  billing    120      0.75""", String.join("\n", lines));
        assertTrue(EvaluationTables.lines(new ObjectMapper().readTree("{}").path("evaluation"))
                .isEmpty());
    }
}
