package dev.podium.llm.nano;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * Short dialogues of customer support from a seeded grammar: the data of podium-nano.
 *
 * <p>A prompt is a customer's message about a problem with a product. An answer is put together from independent parts,
 * each there or not: a greeting ("Hello!", "Hi there,"), courtesy (an apology or thanks), one to three concrete steps
 * ("Please restart the router.") or a vague remark, and a kind closing ("Let us know if you need anything else."). A
 * curt answer has none of the kind parts. So answers to one prompt differ in politeness, completeness and length, and all
 * of that can be seen in the text.
 */
public final class SupportDialogues {
    private static final List<Problem> PROBLEMS = List.of(
            new Problem(
                    List.of("will not turn on", "does not start", "stays black"),
                    List.of(
                            "check that the power cable is plugged in",
                            "hold the power button for ten seconds",
                            "charge it for at least one hour",
                            "try another wall socket"),
                    List.of("Maybe the power is off.", "It needs power.", "Strange.")),
            new Problem(
                    List.of("keeps losing the connection", "is not connecting", "drops the network"),
                    List.of(
                            "restart the router",
                            "move it closer to the router",
                            "enter the network password again",
                            "install the latest update"),
                    List.of("Networks do that.", "Check your internet.", "Try again later.")),
            new Problem(
                    List.of("arrived damaged", "came with a crack", "was broken in the box"),
                    List.of(
                            "send us a photo of the damage",
                            "pack it in its box",
                            "print the return label from our website",
                            "choose a refund or a new one"),
                    List.of("Send it back.", "That happens.", "Not our fault.")),
            new Problem(
                    List.of("has not arrived yet", "is late", "is still on its way after two weeks"),
                    List.of(
                            "open the tracking page with your order number",
                            "check the address in your account",
                            "ask your neighbours about the parcel",
                            "reply with your order number so that we can call the carrier"),
                    List.of("Just wait.", "It will come.", "Ask the carrier.")),
            new Problem(
                    List.of("makes a loud noise", "is too loud", "rattles when it runs"),
                    List.of(
                            "place it on a flat surface",
                            "clean the filter with warm water",
                            "tighten the screws at the back",
                            "turn it off and let it cool down"),
                    List.of("It is a machine.", "Some noise is normal.", "Ignore it.")),
            new Problem(
                    List.of("was charged twice", "shows the wrong price", "was billed two times"),
                    List.of(
                            "open the billing page of your account",
                            "send us the number of the invoice",
                            "check your bank statement for both payments",
                            "wait three days for the refund"),
                    List.of("Ask your bank.", "Prices change.", "Read the invoice.")),
            new Problem(
                    List.of("gets very hot", "overheats quickly", "is hot after a few minutes"),
                    List.of(
                            "unplug it and let it cool down",
                            "remove the dust from the vents",
                            "keep it away from the sun",
                            "update the software"),
                    List.of("It gets warm.", "Turn it off then.", "That is normal.")),
            new Problem(
                    List.of("is the wrong colour", "is not the one I ordered", "has the wrong size"),
                    List.of(
                            "check the order number on the box",
                            "choose the right one in your account",
                            "pack it in its box",
                            "print the return label from our website"),
                    List.of("Send it back.", "Keep it.", "You ordered it.")));

    private static final List<String> PRODUCTS = List.of(
            "lamp",
            "router",
            "phone",
            "printer",
            "kettle",
            "speaker",
            "camera",
            "keyboard",
            "vacuum cleaner",
            "coffee machine",
            "headset",
            "monitor",
            "tablet",
            "fan",
            "radio",
            "blender");
    private static final List<String> OPENINGS = List.of(
            "My %s %s.",
            "Hi, my %s %s.",
            "The %s I bought %s.",
            "Help, my %s %s!",
            "My new %s %s. What can I do?",
            "The %s %s. Please help.",
            "Why is it that my %s %s?");
    private static final List<String> GREETINGS =
            List.of("Hello!", "Hi there!", "Good day!", "Hello and welcome!", "Dear customer,");
    private static final List<String> APOLOGIES = List.of(
            "We are sorry that your %s %s.",
            "I am sorry about your %s.", "Sorry for the trouble with your %s.", "We apologize for the trouble.");
    private static final List<String> THANKS =
            List.of("Thank you for writing to us.", "Thanks for telling us.", "Thank you for your patience.");
    private static final List<String> CLOSINGS = List.of(
            "Let us know if you need anything else.",
            "We are happy to help.",
            "Feel free to write again.",
            "Have a nice day!",
            "We are here to help.");
    private static final List<String> CURT = List.of("No idea.", "Not my problem.", "Read the manual.", "Whatever.");

    private SupportDialogues() {}

    /** Prompts for training, and prompts that no training ever sees. */
    public enum Split {
        TRAIN,
        HELD_OUT
    }

    /** @param answers of different quality, at least two different ones */
    public record Task(String prompt, List<String> answers) {}

    private record Problem(List<String> symptoms, List<String> steps, List<String> vague) {}

    private record Prompt(String text, String product, String symptom, Problem problem) {}

    /** Distinct prompts of a split, in an order that the seed decides. */
    public static List<String> prompts(Split split, int count, long seed) {
        return draw(split, count, seed).stream().map(Prompt::text).toList();
    }

    /** Prompts with four answers each of differing quality. */
    public static List<Task> tasks(Split split, int count, long seed) {
        RandomGenerator random = new SplittableRandom(seed ^ 0x7a5c);
        List<Task> tasks = new ArrayList<>();
        for (Prompt prompt : draw(split, count, seed)) {
            Set<String> answers = new LinkedHashSet<>();
            while (answers.size() < 4) {
                answers.add(answer(prompt, random));
            }
            tasks.add(new Task(prompt.text(), List.copyOf(answers)));
        }
        return tasks;
    }

    /** One dialogue of the pre-training data; prompts of the held-out split never occur. */
    static String[] dialogue(RandomGenerator random) {
        while (true) {
            Prompt prompt = prompt(random);
            if (split(prompt.text()) == Split.TRAIN) {
                return new String[] {prompt.text(), answer(prompt, random)};
            }
        }
    }

    private static List<Prompt> draw(Split split, int count, long seed) {
        RandomGenerator random = new SplittableRandom(seed);
        List<Prompt> drawn = new ArrayList<>();
        Set<String> seen = new LinkedHashSet<>();
        for (int tries = 0; drawn.size() < count; tries++) {
            if (tries > 1000 * (count + 1)) {
                throw new IllegalArgumentException("the grammar has fewer than " + count + " prompts of " + split);
            }
            Prompt prompt = prompt(random);
            if (split(prompt.text()) == split && seen.add(prompt.text())) {
                drawn.add(prompt);
            }
        }
        return drawn;
    }

    /** A fifth of all prompts is held out, by a fixed hash of the text. */
    private static Split split(String text) {
        return Math.floorMod(text.hashCode() * 0x9E3779B9 >>> 7, 5) == 0 ? Split.HELD_OUT : Split.TRAIN;
    }

    private static Prompt prompt(RandomGenerator random) {
        Problem problem = pick(PROBLEMS, random);
        String symptom = pick(problem.symptoms(), random);
        String product = pick(PRODUCTS, random);
        return new Prompt(String.format(pick(OPENINGS, random), product, symptom), product, symptom, problem);
    }

    private static String answer(Prompt prompt, RandomGenerator random) {
        List<String> parts = new ArrayList<>();
        double kindness = random.nextDouble();
        if (kindness < 0.12) {
            parts.add(pick(random.nextBoolean() ? CURT : prompt.problem().vague(), random));
            return String.join(" ", parts);
        }
        if (random.nextDouble() < kindness) {
            parts.add(pick(GREETINGS, random));
        }
        if (random.nextDouble() < kindness) {
            String apology = pick(APOLOGIES, random);
            parts.add(String.format(apology, prompt.product(), prompt.symptom()));
        } else if (random.nextDouble() < 0.3) {
            parts.add(pick(THANKS, random));
        }
        addSteps(parts, prompt, random);
        if (random.nextDouble() < kindness) {
            parts.add(pick(CLOSINGS, random));
        }
        return String.join(" ", parts);
    }

    private static void addSteps(List<String> parts, Prompt prompt, RandomGenerator random) {
        int steps = random.nextInt(4);
        if (steps == 0) {
            parts.add(pick(prompt.problem().vague(), random));
            return;
        }
        List<String> left = new ArrayList<>(prompt.problem().steps());
        String[] starts = {"Please ", "Then ", "After that, "};
        for (int i = 0; i < steps; i++) {
            String step = left.remove(random.nextInt(left.size()));
            boolean bare = i == 0 && random.nextInt(3) == 0;
            parts.add(
                    bare
                            ? Character.toUpperCase(step.charAt(0)) + step.substring(1) + "."
                            : starts[Math.min(i, 2)] + step + ".");
        }
    }

    private static <T> T pick(List<T> from, RandomGenerator random) {
        return from.get(random.nextInt(from.size()));
    }
}
