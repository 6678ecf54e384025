package dev.podium.feedback.automation;

import com.fasterxml.jackson.databind.JsonNode;
import dev.podium.contracts.RoundKind;
import dev.podium.feedback.ab.AbTests;
import dev.podium.feedback.rest.Refusal;
import java.time.DateTimeException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A rule as an operator writes it: either rounds that start by themselves, or what follows from an A/B test.
 *
 * @param enabled false where it is left out: nothing happens by itself until somebody says so
 */
public record Rule(
        @Nullable Boolean enabled,
        @Nullable Rounds rounds,
        @Nullable Ab ab) {
    /**
     * Rounds that start by themselves.
     *
     * @param when what starts them
     * @param chain one after the other, each only if the one before has succeeded and passed the guards
     * @param promote absent: nothing is promoted
     */
    public record Rounds(
            @Nullable When when,
            @Nullable List<Step> chain,
            @Nullable Guards guards,
            @Nullable Promote promote) {
        Guards guardsOrDefault() {
            return guards == null ? new Guards(null, null, null) : guards;
        }

        List<Step> steps() {
            return chain == null ? List.of() : chain;
        }
    }

    /**
     * Any of these.
     *
     * @param newDecidedTasks so many tasks were decided since the last round of the chain's first kind
     * @param every interval, ISO 8601: {@code PT12H}
     * @param cron minute, hour, day of month, month, day of week
     * @param zone of the cron expression; absent: UTC
     */
    public record When(
            @Nullable Integer newDecidedTasks,
            @Nullable String every,
            @Nullable String cron,
            @Nullable String zone) {}

    /**
     * A round of the chain.
     *
     * @param config as in the form; what is left out takes the defaults
     * @param startFrom {@code base}, {@code newest}, {@code channel:NAME} or a version; absent: base. The newest is what
     *     the chain's last SFT, DPO or PPO round before this one has made; without one, the project's newest policy
     *     adapter when the chain starts
     */
    public record Step(
            @Nullable RoundKind kind,
            @Nullable JsonNode config,
            @Nullable String startFrom) {
        private static final String CHANNEL = "channel:";

        boolean startsFromNewest() {
            return "newest".equals(startFrom);
        }

        /** The channel whose version it starts from, where it names one. */
        Optional<String> channel() {
            return Optional.ofNullable(startFrom)
                    .filter(from -> from.startsWith(CHANNEL))
                    .map(from -> from.substring(CHANNEL.length()));
        }
    }

    /** Whether a kind of round makes what answers requests. */
    static boolean makesPolicy(@Nullable RoundKind kind) {
        return kind == RoundKind.SFT || kind == RoundKind.DPO || kind == RoundKind.PPO;
    }

    /**
     * What holds a rule back.
     *
     * @param maxHeldOutDrop how far the held-out accuracy may fall below that of the last adapter of the kind that no
     *     rule has stopped; absent: 0.02
     * @param maxPerDay starts within 22 hours, so that a daily start is never in the way of the next; absent: 1
     * @param minDecidedTasks decided tasks there must be at all; absent: 20
     */
    public record Guards(
            @Nullable Double maxHeldOutDrop,
            @Nullable Integer maxPerDay,
            @Nullable Integer minDecidedTasks) {
        double drop() {
            return maxHeldOutDrop == null ? 0.02 : maxHeldOutDrop;
        }

        int perDay() {
            return maxPerDay == null ? 1 : maxPerDay;
        }

        int decidedTasks() {
            return minDecidedTasks == null ? 20 : minDecidedTasks;
        }
    }

    /**
     * Where the last adapter of the chain goes.
     *
     * @param minHeldOutAccuracy below it nothing is promoted; absent: no floor. Only DPO measures one
     */
    public record Promote(
            @Nullable String channel, @Nullable Double minHeldOutAccuracy) {}

    /**
     * What follows from an A/B test.
     *
     * @param candidate a channel, whose version is tested
     * @param incumbent a channel, whose version it is compared with; or a version, or {@code base}
     * @param alpha probability of a wrong verdict, over all looks; absent: 0.05
     * @param minTasks tasks that must count before anything follows; absent: 30
     * @param onBetter {@code promote}: the incumbent, which must be a channel, is pointed at the candidate's version; or
     *     {@code nothing}
     * @param onWorse {@code roll_back}: the candidate channel goes back to what it pointed to before; or {@code nothing}
     */
    public record Ab(
            @Nullable String candidate,
            @Nullable String incumbent,
            @Nullable Double alpha,
            @Nullable Integer minTasks,
            @Nullable String onBetter,
            @Nullable String onWorse) {
        double level() {
            return alpha == null ? AbTests.ALPHA : alpha;
        }

        int tasks() {
            return minTasks == null ? 30 : minTasks;
        }

        boolean promotes() {
            return "promote".equals(onBetter);
        }

        boolean rollsBack() {
            return "roll_back".equals(onWorse);
        }
    }

    boolean isEnabled() {
        return Boolean.TRUE.equals(enabled);
    }

    /** The same, turned off. */
    Rule off() {
        return new Rule(false, rounds, ab);
    }

    /** Refuses what cannot work, before it is stored. */
    void check() {
        if ((rounds == null) == (ab == null)) {
            throw invalid("A rule has either rounds or ab.");
        }
        if (rounds != null) {
            check(rounds);
        } else if (ab != null) {
            check(ab);
        }
    }

    private static void check(Rounds rounds) {
        When when = rounds.when();
        if (when == null || (when.newDecidedTasks() == null && when.every() == null && when.cron() == null)) {
            throw invalid("rounds.when needs newDecidedTasks, every or cron.");
        }
        if (when.newDecidedTasks() != null && when.newDecidedTasks() < 1) {
            throw invalid("rounds.when.newDecidedTasks must be 1 or more.");
        }
        try {
            Schedule.of(when);
        } catch (DateTimeException | IllegalArgumentException e) {
            throw invalid("rounds.when cannot be read: " + e.getMessage());
        }
        if (when.every() != null && Duration.parse(when.every()).compareTo(Duration.ofMinutes(1)) < 0) {
            throw invalid("rounds.when.every must be a minute (PT1M) or more.");
        }
        if (rounds.steps().isEmpty() || rounds.steps().size() > 5) {
            throw invalid("rounds.chain has 1 to 5 rounds.");
        }
        for (Step step : rounds.steps()) {
            if (step.kind() == null) {
                throw invalid("Each round of the chain has a kind: SAMPLE, SFT, REWARD, DPO or PPO.");
            }
        }
        Guards guards = rounds.guardsOrDefault();
        if (!(guards.drop() >= 0 && guards.drop() <= 1) || guards.perDay() < 1 || guards.decidedTasks() < 0) {
            throw invalid("guards: maxHeldOutDrop in [0, 1], maxPerDay 1 or more, minDecidedTasks 0 or more.");
        }
        if (rounds.promote() != null) {
            if (rounds.promote().channel() == null) {
                throw invalid("rounds.promote needs a channel.");
            }
            RoundKind last = rounds.steps().getLast().kind();
            if (!makesPolicy(last)) {
                throw invalid("Only the adapter of an SFT, DPO or PPO round can be promoted; the chain ends in " + last
                        + ".");
            }
            if (rounds.promote().minHeldOutAccuracy() != null && last != RoundKind.DPO) {
                throw invalid(last + " rounds measure no held-out accuracy, so nothing would reach"
                        + " rounds.promote.minHeldOutAccuracy: leave it out, or let the chain end in DPO.");
            }
        }
    }

    private static void check(Ab ab) {
        if (ab.candidate() == null || ab.incumbent() == null || ab.candidate().equals(ab.incumbent())) {
            throw invalid("ab needs a candidate channel, and an incumbent that is another channel, a version or base.");
        }
        if (!(ab.level() >= 0.0001 && ab.level() <= 0.5) || ab.tasks() < 1) {
            throw invalid("ab.alpha must be in [0.0001, 0.5], ab.minTasks 1 or more.");
        }
        if (!List.of("promote", "nothing").contains(ab.onBetter() == null ? "nothing" : ab.onBetter())
                || !List.of("roll_back", "nothing").contains(ab.onWorse() == null ? "nothing" : ab.onWorse())) {
            throw invalid("ab.onBetter is promote or nothing, ab.onWorse roll_back or nothing.");
        }
    }

    /**
     * Refuses what would promote to something that is no channel.
     *
     * @param isChannel whether the project has a channel of a name
     */
    void requireChannels(Predicate<String> isChannel) {
        if (ab != null && ab.promotes() && ab.incumbent() != null && !isChannel.test(ab.incumbent())) {
            throw invalid("ab.onBetter cannot be promote: " + noChannel(ab.incumbent()));
        }
    }

    static String noChannel(String incumbent) {
        return "there is no channel " + incumbent + " that could be pointed to the candidate's version. Name a channel"
                + " as the incumbent (podium channel promote makes one), or let onBetter be nothing.";
    }

    private static Refusal invalid(String why) {
        return Refusal.unprocessable("invalid_rule", why);
    }
}
