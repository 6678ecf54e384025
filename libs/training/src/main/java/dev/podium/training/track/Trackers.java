package dev.podium.training.track;

import dev.podium.contracts.RoundCommand;
import dev.podium.training.round.Guard;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Several trackers as one; a failure of one is logged and reaches neither the round nor the others. */
public final class Trackers implements RoundTracker {
    private static final Logger LOG = LoggerFactory.getLogger(Trackers.class);

    private final List<RoundTracker> all;

    public Trackers(List<RoundTracker> all) {
        this.all = List.copyOf(all);
    }

    /**
     * Those that are configured: {@code podium.tracking.tensorboard.dir}, {@code podium.tracking.mlflow.url} and {@code
     * podium.tracking.mlflow.token}.
     *
     * @param settings value of a name, where it is set
     * @param more trackers that are always there
     * @throws IllegalArgumentException when the address is none
     */
    public static Trackers configured(Function<String, Optional<String>> settings, RoundTracker... more) {
        List<RoundTracker> all = new ArrayList<>(List.of(more));
        settings.apply("podium.tracking.tensorboard.dir")
                .filter(text -> !text.isBlank())
                .ifPresent(dir -> all.add(new TensorBoardTracker(Path.of(dir))));
        settings.apply("podium.tracking.mlflow.url")
                .filter(text -> !text.isBlank())
                .ifPresent(url -> all.add(
                        new MlflowTracker(URI.create(url.strip()), settings.apply("podium.tracking.mlflow.token"))));
        return new Trackers(all);
    }

    @Override
    public void started(
            RoundCommand.StartRound command, int resumedFromStep, int totalSteps, Map<String, Double> info) {
        each(tracker -> tracker.started(command, resumedFromStep, totalSteps, info));
    }

    @Override
    public void progress(RoundCommand.StartRound command, int step, Map<String, Double> metrics) {
        each(tracker -> tracker.progress(command, step, metrics));
    }

    @Override
    public void guarded(RoundCommand.StartRound command, Guard guard) {
        each(tracker -> tracker.guarded(command, guard));
    }

    @Override
    public void ended(RoundCommand.StartRound command, String outcome, Map<String, Double> metrics) {
        each(tracker -> tracker.ended(command, outcome, metrics));
    }

    @Override
    public void close() {
        each(RoundTracker::close);
    }

    private void each(Consumer<RoundTracker> call) {
        for (RoundTracker tracker : all) {
            try {
                call.accept(tracker);
            } catch (RuntimeException e) {
                LOG.warn("{}: {}", tracker.getClass().getSimpleName(), e.toString());
            }
        }
    }
}
