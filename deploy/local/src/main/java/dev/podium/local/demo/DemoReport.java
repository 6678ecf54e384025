package dev.podium.local.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What the demo measured, and the checks that decide its exit code. */
final class DemoReport {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ObjectNode json = JSON.createObjectNode();
    private final List<Check> checks = new ArrayList<>();
    private boolean complete;

    /**
     * @param wanted the condition in words
     * @param found the value it was applied to
     */
    record Check(String name, String wanted, String found, boolean passed) {}

    /** The report's root. */
    ObjectNode json() {
        return json;
    }

    void atLeast(String name, double found, double least) {
        checks.add(new Check(name, "at least " + number(least), number(found), found >= least));
    }

    void above(String name, double found, double bound) {
        checks.add(new Check(name, "above " + number(bound), number(found), found > bound));
    }

    void between(String name, double found, double least, double most) {
        checks.add(new Check(
                name,
                "finite, above " + number(least) + " and below " + number(most),
                number(found),
                found > least && found < most));
    }

    void near(String name, double found, double wanted, double tolerance) {
        checks.add(new Check(
                name,
                number(wanted) + " +- " + number(tolerance),
                number(found),
                Math.abs(found - wanted) <= tolerance));
    }

    void equal(String name, Object found, Object wanted) {
        checks.add(new Check(name, wanted.toString(), found.toString(), found.equals(wanted)));
    }

    List<Check> checks() {
        return List.copyOf(checks);
    }

    /** Nothing was left out. */
    void complete() {
        complete = true;
    }

    /** Whether it came to its end, and every check passed. */
    boolean passed() {
        return complete && checks.stream().allMatch(Check::passed);
    }

    /** Writes everything, the checks last. */
    void write(Path file) throws IOException {
        ObjectNode all = json.deepCopy();
        ArrayNode list = all.putArray("checks");
        for (Check check : checks) {
            list.addObject()
                    .put("name", check.name())
                    .put("wanted", check.wanted())
                    .put("found", check.found())
                    .put("passed", check.passed());
        }
        all.put("passed", passed());
        Path parent = file.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        Files.writeString(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n");
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e9
                ? Long.toString((long) value)
                : String.format(Locale.ROOT, "%.4g", value);
    }
}
