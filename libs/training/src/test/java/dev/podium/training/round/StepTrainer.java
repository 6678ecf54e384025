package dev.podium.training.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.Output;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.SampleSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A trainer without a language model: ten steps of gradient descent to the mean length of the chosen outputs, a
 * checkpoint after every second, and an adapter filled with the result.
 */
final class StepTrainer implements Trainer {
    /** Tasks that begin so are left out, as a real trainer leaves out what is too long. */
    static final String LEFT_OUT = "left-out-";

    /** A version whose result does not pass its evaluation. */
    static final String WORSE = "vWorse";

    static final int STEPS = 10;

    private final Hook beforeStep;

    StepTrainer(Hook beforeStep) {
        this.beforeStep = beforeStep;
    }

    /** What a test wants to happen at a step. */
    interface Hook {
        void at(RoundContext context, int step) throws RoundFailure, RoundCancelled;
    }

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        if (context.command().kind() == RoundKind.SAMPLE) {
            return sample(context);
        }
        Path checkpoint = context.workDir().resolve("checkpoint.bin");
        try {
            int start = 0;
            double value = 0;
            if (Files.exists(checkpoint)) {
                String[] saved = Files.readString(checkpoint).split(" ");
                start = Integer.parseInt(saved[0]);
                value = Double.parseDouble(saved[1]);
            }
            double target = context.data().train().stream()
                    .mapToInt(set -> set.outputs().getFirst().text().length())
                    .average()
                    .orElse(0);
            context.reporter()
                    .started(Map.of("pairs", (double) context.data().train().size()), start, STEPS);
            for (int step = start; step < STEPS; step++) {
                context.checkCancelled(step);
                beforeStep.at(context, step);
                value += 0.5 * (target - value);
                context.reporter().progress(step + 1, STEPS, Map.of("loss", Math.abs(target - value)), STEPS - step);
                if ((step + 1) % 2 == 0) {
                    Files.writeString(checkpoint, (step + 1) + " " + value);
                    context.reporter().checkpointed(step + 1);
                }
            }
            Path folder = context.workDir().resolve("adapter");
            boolean reward = context.command().kind() == RoundKind.REWARD;
            AdapterManifest.Kind kind = reward ? AdapterManifest.Kind.REWARD : AdapterManifest.Kind.POLICY;
            TinyAdapter.write(folder, kind, context.command().version().equals("vNaN") ? Float.NaN : (float) value);
            return new RoundResult(
                    Optional.of(new RoundResult.TrainedAdapter(
                            folder,
                            kind,
                            Optional.of(TinyAdapter.LORA),
                            reward ? Optional.of(2.0) : Optional.empty(),
                            reward ? Optional.of(0.5) : Optional.empty())),
                    Map.of("value", value),
                    Optional.of(Stream.concat(context.data().train().stream(), context.data().heldOut().stream())
                            .map(PreferenceSet::taskId)
                            .filter(id -> !id.startsWith(LEFT_OUT))
                            .collect(Collectors.toSet())),
                    Optional.of(Evaluation.of(new Evaluation.Verdict(
                            "improved",
                            "value",
                            value,
                            0,
                            20,
                            !context.command().version().equals(WORSE),
                            "value is what it is"))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RoundResult sample(RoundContext context) {
        context.reporter().started(Map.of(), 0, 1);
        Output output = new Output("o1", "hi", Output.Provenance.imported(), List.of(1, 2));
        context.reporter()
                .sample(new SampleSet(
                        context.command().projectId(),
                        context.command().roundId(),
                        0,
                        context.command().prompts().getFirst(),
                        List.of(output),
                        Instant.now()));
        return new RoundResult(Optional.empty(), Map.of("prompts", 1.0));
    }
}
