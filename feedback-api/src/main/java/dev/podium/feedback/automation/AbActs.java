package dev.podium.feedback.automation;

import dev.podium.contracts.ChannelPointer;
import dev.podium.feedback.ab.AbReport;
import dev.podium.feedback.ab.AbTests;
import dev.podium.feedback.adapter.Channels;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What follows from an A/B test, where a rule says so. */
@Singleton
class AbActs {
    private static final String BASE = "base";

    private static final int MOST_REMEMBERED = 10_000;

    /** Looks from which nothing followed: the same again is not computed again. */
    private final Map<RuleRow.Id, Looked> nothingFollowed = new ConcurrentHashMap<>();

    private final AbTests tests;
    private final Channels channels;
    private final Decisions decisions;

    AbActs(AbTests tests, Channels channels, Decisions decisions) {
        this.tests = tests;
        this.channels = channels;
        this.decisions = decisions;
    }

    /** All that the outcome of a look depends on. */
    private record Looked(Instant ruleSetAt, String a, String b, AbTests.Extent extent) {}

    /** Must run in a transaction, under the rule's lock. */
    void look(String project, RuleRow row, Rule.Ab rule) {
        String candidateChannel = Objects.requireNonNull(rule.candidate());
        String incumbentName = Objects.requireNonNull(rule.incumbent());
        Optional<ChannelPointer> candidate = channels.find(project, candidateChannel);
        Optional<ChannelPointer> incumbentChannel = channels.find(project, incumbentName);
        if (candidate.isEmpty()) {
            return;
        }
        String a = version(candidate.get());
        String b = incumbentChannel.map(AbActs::version).orElse(incumbentName);
        if (a.equals(b)) {
            return;
        }
        Looked now = new Looked(row.setAt, a, b, tests.extent(project));
        if (now.equals(nothingFollowed.get(row.key()))) {
            return;
        }
        AbReport report = tests.compare(project, a, b, rule.level());
        boolean enough = report.tasks() >= rule.tasks();
        if (enough && report.verdict() == AbReport.Verdict.A_BETTER && rule.promotes()) {
            if (incumbentChannel.isEmpty()) {
                holdBack(project, row, words(report), Rule.noChannel(incumbentName));
                return;
            }
            act(
                    project,
                    row,
                    report,
                    incumbentName,
                    Decisions.Kind.PROMOTED,
                    reason -> channels.point(project, incumbentName, pointed(a), Optional.of(reason), row.actor()));
        } else if (enough && report.verdict() == AbReport.Verdict.B_BETTER && rule.rollsBack()) {
            act(
                    project,
                    row,
                    report,
                    candidateChannel,
                    Decisions.Kind.ROLLED_BACK,
                    reason -> channels.rollBack(project, candidateChannel, row.actor(), Optional.of(reason)));
        } else if (now.extent().isSettled(Clock.systemUTC().instant())) {
            remember(row.key(), now);
        }
    }

    /** What is tried again, such as an act that was refused, is not remembered. */
    private void remember(RuleRow.Id rule, Looked looked) {
        if (nothingFollowed.size() >= MOST_REMEMBERED) {
            nothingFollowed.clear();
        }
        nothingFollowed.put(rule, looked);
    }

    private interface Act {
        ChannelPointer with(String reason);
    }

    private void act(String project, RuleRow row, AbReport report, String channel, Decisions.Kind kind, Act act) {
        String words = words(report);
        try {
            ChannelPointer pointer = act.with(row.actor() + ": " + words);
            decisions.add(
                    project,
                    row.key().name(),
                    kind,
                    channel + " points to " + version(pointer) + ": " + words,
                    Optional.empty());
            row.lastRefusal = null;
        } catch (Refusal e) {
            holdBack(project, row, words, channel + " is not changed: " + e.getMessage());
        }
    }

    /** Said once, not at every look. */
    private void holdBack(String project, RuleRow row, String words, String why) {
        if (!why.equals(row.lastRefusal)) {
            row.lastRefusal = why;
            decisions.add(
                    project, row.key().name(), Decisions.Kind.HELD_BACK, words + "; but " + why, Optional.empty());
        }
    }

    private static Optional<String> pointed(String version) {
        return version.equals(BASE) ? Optional.empty() : Optional.of(version);
    }

    private static String version(ChannelPointer pointer) {
        return pointer.version().orElse(BASE);
    }

    static String words(AbReport report) {
        return String.format(
                Locale.ROOT,
                "%s wins %.1f %% against %s (%.1f to %.1f with %.4g %% confidence at any look, %d tasks, p = %.2g)",
                report.a(),
                100 * Objects.requireNonNullElse(report.winRate(), 0.5),
                report.b(),
                100 * report.lower(),
                100 * report.upper(),
                100 * report.confidence(),
                report.tasks(),
                report.pValue());
    }
}
