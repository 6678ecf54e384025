package dev.podium.local.chaos;

import dev.podium.local.chaos.Fault.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Which faults come, and when: a function of the seed. Faults are dealt from a deck in which every process and every
 * connection has its cards, so that each has its turn before one comes again.
 */
final class FaultPlan {
    private static final int MAX_PAUSE_MILLIS = 4_000;
    private static final int MIN_HOLD_MILLIS = 500;
    private static final int MAX_HOLD_MILLIS = 8_000;
    // A pause as long as sessions last must be among them: those of trainers, and those of the stream.
    private static final int MAX_FREEZE_MILLIS = 14_000;
    private static final int MIN_ZOMBIE_MILLIS = 32_000;
    private static final int MAX_ZOMBIE_MILLIS = 40_000;
    private static final int MAX_CLOCK_SECONDS = 3_600;

    private FaultPlan() {}

    /**
     * @param skipped kinds that this machine cannot do; their cards are left out
     * @param longest of a hold and a pause, milliseconds; the plan's own limits when larger
     */
    static List<Fault> of(long seed, int count, Set<Kind> skipped, long longest) {
        SplittableRandom random = new SplittableRandom(seed);
        List<Fault> plan = new ArrayList<>();
        List<Card> deck = List.of();
        int next = 0;
        while (plan.size() < count) {
            if (next == deck.size()) {
                deck = shuffled(random);
                next = 0;
            }
            Card card = deck.get(next);
            next++;
            boolean zombie = card.kind() == Kind.FREEZE && card.target() == Target.RANKING_STREAM_2;
            int least = zombie ? MIN_ZOMBIE_MILLIS : MIN_HOLD_MILLIS;
            int most = zombie ? MAX_ZOMBIE_MILLIS : card.kind() == Kind.FREEZE ? MAX_FREEZE_MILLIS : MAX_HOLD_MILLIS;
            // Drawn for every card, so that a kind that is left out does not change the others.
            long pause = random.nextLong(300, MAX_PAUSE_MILLIS);
            long hold = random.nextLong(least, most);
            long clock = random.nextLong(-MAX_CLOCK_SECONDS, MAX_CLOCK_SECONDS);
            boolean recover = random.nextInt(10) < 4;
            if (!skipped.contains(card.kind())) {
                plan.add(new Fault(
                        plan.size() + 1,
                        card.kind(),
                        card.target(),
                        Math.min(pause, longest),
                        holds(card.kind()) ? Math.min(hold, longest) : 0,
                        card.kind() == Kind.CLOCK ? clock : 0,
                        recover));
            }
        }
        return plan;
    }

    private static boolean holds(Kind kind) {
        return kind != Kind.KILL && kind != Kind.RESET;
    }

    private record Card(Kind kind, Target target) {}

    private static List<Card> shuffled(SplittableRandom random) {
        List<Card> deck = new ArrayList<>();
        for (Target target : Target.applications()) {
            deck.add(new Card(Kind.KILL, target));
            deck.add(new Card(link(random), target));
        }
        deck.add(new Card(Kind.KILL, Target.KAFKA));
        deck.add(new Card(Kind.KILL, Target.POSTGRES));
        deck.add(new Card(link(random), Target.POSTGRES_LINK));
        for (Target target : List.of(Target.KAFKA, Target.POSTGRES, Target.RANKING_STREAM, Target.FEEDBACK_API)) {
            deck.add(new Card(Kind.OUTAGE, target));
        }
        for (Target target : List.of(
                Target.KAFKA,
                Target.RANKING_STREAM,
                Target.RANKING_STREAM_2,
                Target.FEEDBACK_API,
                Target.POLICY_TRAINER)) {
            deck.add(new Card(Kind.FREEZE, target));
        }
        for (Target target :
                List.of(Target.RANKING_STREAM, Target.FEEDBACK_API, Target.POLICY_TRAINER, Target.SAMPLE_SERVICE)) {
            deck.add(new Card(Kind.CLOCK, target));
        }
        deck.add(new Card(Kind.DISK_FULL, Target.RANKING_STREAM));
        deck.add(new Card(Kind.DISK_FULL, Target.RANKING_STREAM));
        for (int i = deck.size() - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            Card card = deck.get(i);
            deck.set(i, deck.get(j));
            deck.set(j, card);
        }
        return deck;
    }

    private static Kind link(SplittableRandom random) {
        return Kind.OF_LINKS.get(random.nextInt(Kind.OF_LINKS.size()));
    }
}
