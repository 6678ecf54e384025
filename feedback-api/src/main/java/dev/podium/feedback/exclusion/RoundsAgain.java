package dev.podium.feedback.exclusion;

import dev.podium.contracts.AdapterManifest;
import dev.podium.feedback.adapter.Adapters;
import dev.podium.feedback.rest.Refusal;
import dev.podium.feedback.round.PlannedRound;
import dev.podium.feedback.round.Plans;
import dev.podium.feedback.round.RoundRow;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Runs the rounds again whose adapters learnt from an excluded labeler: the oldest first, on the data of then without the
 * labeler's rankings, which is the data of now; what continued another of these adapters continues its successor.
 */
@Singleton
public class RoundsAgain {
    private final Adapters adapters;
    private final Plans plans;
    private final Exclusions exclusions;

    RoundsAgain(Adapters adapters, Plans plans, Exclusions exclusions) {
        this.adapters = adapters;
        this.plans = plans;
        this.exclusions = exclusions;
    }

    /** Plans the rounds; not inside a transaction. */
    public List<PlannedRound> plan(String project, String labeler, String by) {
        boolean excluded = QuarkusTransaction.requiringNew()
                .call(() -> exclusions.find(project, labeler).isPresent());
        if (!excluded) {
            throw Refusal.unprocessable(
                    "not_excluded",
                    "Exclude " + labeler + " first: else the rounds would learn from the same rankings.");
        }
        List<AdapterManifest> all = QuarkusTransaction.requiringNew().call(() -> adapters.list(project));
        Map<String, AdapterManifest> byVersion = new HashMap<>();
        all.forEach(manifest -> byVersion.put(manifest.version(), manifest));
        List<PlannedRound> steps = new ArrayList<>();
        Map<String, Integer> stepOf = new HashMap<>();
        String plan = UUID.randomUUID().toString();
        for (Adapters.Affected affected : adapters.affectedBy(labeler, all)) {
            AdapterManifest manifest = byVersion.get(affected.version());
            if (manifest != null && !isProof(manifest)) {
                PlannedRound step = step(project, plan, steps.size() + 1, manifest, labeler, by);
                step.initialFrom = from(stepOf, manifest.initialAdapter());
                step.rewardFrom = from(stepOf, manifest.rewardAdapter());
                stepOf.put(manifest.version(), step.step);
                steps.add(step);
            }
        }
        if (steps.isEmpty()) {
            throw Refusal.unprocessable(
                    "nothing_affected", "No adapter of " + project + " learnt from " + labeler + ".");
        }
        QuarkusTransaction.requiringNew().run(() -> plans.add(steps));
        return steps;
    }

    /** A round that was run again on the same data proved another; it has no successor of its own. */
    private static boolean isProof(AdapterManifest manifest) {
        return QuarkusTransaction.requiringNew().call(() -> {
            RoundRow row = RoundRow.findById(manifest.roundId());
            return row != null && row.dataSetSha256 != null;
        });
    }

    private static @Nullable Integer from(Map<String, Integer> stepOf, Optional<String> version) {
        return version.map(stepOf::get).orElse(null);
    }

    private static PlannedRound step(
            String project, String plan, int number, AdapterManifest manifest, String labeler, String by) {
        PlannedRound step = new PlannedRound();
        step.id = UUID.randomUUID().toString();
        step.projectId = project;
        step.planId = plan;
        step.step = number;
        step.kind = manifest.roundKind().name();
        step.rerunOf = manifest.roundId();
        step.withoutLabeler = labeler;
        step.requestedBy = by;
        step.reason = "run again without " + labeler + ", from whom " + manifest.version() + " learnt";
        return step;
    }
}
