package dev.podium.feedback.automation;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.RoundKind;
import dev.podium.feedback.adapter.Adapters;
import dev.podium.feedback.round.Plans;
import jakarta.inject.Singleton;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Compares an adapter with the one before it, on what was kept from training. What was published and then stopped by a
 * rule is not compared with: it would lower the measure for the next.
 */
@Singleton
class HeldOut {
    private final Adapters adapters;
    private final Plans plans;

    HeldOut(Adapters adapters, Plans plans) {
        this.adapters = adapters;
        this.plans = plans;
    }

    /** The share of held-out pairs that an adapter puts in the right order; SFT, PPO and SAMPLE have none. */
    static Optional<Double> accuracy(AdapterManifest adapter) {
        String metric =
                switch (adapter.roundKind()) {
                    case REWARD -> "heldout_accuracy_after";
                    case DPO -> "heldout_accuracy";
                    case SFT, PPO, SAMPLE -> "";
                };
        return Optional.ofNullable(adapter.metrics().get(metric));
    }

    /**
     * What speaks against an adapter; empty where nothing does. Must run in a transaction.
     *
     * @param drop how far the accuracy may fall
     */
    Optional<String> against(AdapterManifest adapter, double drop) {
        Optional<AdapterManifest> before = before(adapter);
        Optional<Double> now = accuracy(adapter);
        Optional<Double> then = before.flatMap(HeldOut::accuracy);
        if (now.isEmpty() || then.isEmpty() || now.get() >= then.get() - drop) {
            return Optional.empty();
        }
        return Optional.of(String.format(
                Locale.ROOT,
                "the held-out accuracy of %s is %.3f, that of %s was %.3f; it may fall by %.3f at most",
                adapter.version(),
                now.get(),
                before.get().version(),
                then.get(),
                drop));
    }

    /** In words for the log of decisions. */
    String words(AdapterManifest adapter) {
        Optional<AdapterManifest> before = before(adapter);
        Optional<Double> now = accuracy(adapter);
        if (now.isEmpty()) {
            return adapter.version() + " (" + adapter.roundKind() + " has no held-out accuracy)";
        }
        return adapter.version() + ", held-out accuracy " + rounded(now.get())
                + before.flatMap(HeldOut::accuracy)
                        .map(value -> " after " + rounded(value) + " of "
                                + before.get().version())
                        .orElse(", the first of its kind");
    }

    private static String rounded(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }

    private Optional<AdapterManifest> before(AdapterManifest adapter) {
        RoundKind kind = adapter.roundKind();
        Set<String> stopped = plans.stoppedOfRules(adapter.projectId());
        return adapters.list(adapter.projectId()).stream()
                .filter(other -> other.roundKind() == kind && other.createdAt().isBefore(adapter.createdAt()))
                .filter(other -> !stopped.contains(other.version()))
                .findFirst();
    }
}
