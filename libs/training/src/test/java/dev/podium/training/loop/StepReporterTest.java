package dev.podium.training.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.SampleSet;
import dev.podium.training.round.RoundReporter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class StepReporterTest {
    private static final class Told implements RoundReporter {
        private final List<Integer> steps = new ArrayList<>();
        private final List<Double> etas = new ArrayList<>();
        private Map<String, Double> last = Map.of();

        @Override
        public void started(Map<String, Double> info, int resumedFromStep, int totalSteps) {}

        @Override
        public void progress(int step, int totalSteps, Map<String, Double> metrics, double etaSeconds) {
            steps.add(step);
            etas.add(etaSeconds);
            last = metrics;
        }

        @Override
        public void checkpointed(int step) {}

        @Override
        public void sample(SampleSet set) {}
    }

    @Test
    void firstAndLastStepAreToldAndThoseBetweenAboutTwicePerSecond() {
        Told told = new Told();
        AtomicLong nanos = new AtomicLong();
        StepReporter reporter = new StepReporter(told, 0, 100, nanos::get);
        for (int step = 1; step <= 100; step++) {
            nanos.addAndGet(100_000_000L);
            reporter.step(step, Map.of("loss", 1.0, "broken", Double.NaN));
        }
        assertEquals(1, told.steps.getFirst());
        assertEquals(100, told.steps.getLast());
        assertEquals(21, told.steps.size());
        assertEquals(9.9, told.etas.getFirst(), 1e-9);
        assertEquals(0, told.etas.getLast());
        assertFalse(told.last.containsKey("broken"));
    }

    @Test
    void whatOnlySomeStepsMeasureIsToldWithTheNextStepThatIsTold() {
        Told told = new Told();
        AtomicLong nanos = new AtomicLong();
        StepReporter reporter = new StepReporter(told, 0, 100, nanos::get);
        reporter.step(1, Map.of("loss", 1.0));
        reporter.step(2, Map.of("loss", 2.0, "grad_norm", 0.5, "entropy", 0.25));
        reporter.step(3, Map.of("loss", 3.0, "grad_norm", 0.5));
        nanos.addAndGet(1_000_000_000L);

        reporter.step(4, Map.of("loss", 4.0, "grad_norm", Double.NaN));

        assertEquals(List.of(1, 4), told.steps);
        assertEquals(Map.of("loss", 4.0, "entropy", 0.25), told.last);
        nanos.addAndGet(1_000_000_000L);
        reporter.step(5, Map.of("loss", 5.0));
        assertEquals(Map.of("loss", 5.0), told.last, "told once");
    }

    @Test
    void theRateWarmsUpAndDecaysToZero() {
        RoundConfig.Training training = new RoundConfig.Training(1e-3, 1, 4, 512, 1, 0.1, 0, 20);
        assertEquals(0.5e-3, LearningRate.at(training, 0, 10), 1e-12);
        assertEquals(1e-3, LearningRate.at(training, 1, 10), 1e-12);
        assertEquals(1e-3 / 9, LearningRate.at(training, 9, 10), 1e-12);
    }

    @Test
    void theLossCurveRemembersFirstAndTheMeanOfTheLastTen() {
        LossCurve curve = new LossCurve();
        curve.add(5);
        for (int i = 0; i < 20; i++) {
            curve.add(i);
        }
        LossCurve resumed = new LossCurve();
        resumed.restore(curve.state());
        assertEquals(5, resumed.first());
        assertEquals(14.5, resumed.last());
    }
}
