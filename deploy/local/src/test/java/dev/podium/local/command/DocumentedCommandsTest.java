package dev.podium.local.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class DocumentedCommandsTest {
    private static final Path ROOT = Path.of("../..");
    private static final Pattern COMMAND = Pattern.compile("\\./podium ([^`\\n|]*)");
    private static final Pattern WORD = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)");

    @Test
    void everyCommandOfTheDocumentationCanBeParsed() throws IOException {
        List<String> wrong = new ArrayList<>();
        // One for all: to make it takes most of the time.
        CommandLine commandLine = Podium.commandLine(session());
        int parsed = 0;
        for (Path file : documents()) {
            Matcher commands = COMMAND.matcher(Files.readString(file).replace("\\\n", " "));
            while (commands.find()) {
                List<String> words = words(commands.group(1));
                if (words.isEmpty()
                        // The script's own, which need no command line.
                        || words.getFirst().equals("test")
                        || words.getFirst().equals("images")
                        || words.getFirst().startsWith("...")) {
                    continue;
                }
                try {
                    commandLine.parseArgs(words.toArray(String[]::new));
                    parsed++;
                } catch (CommandLine.ParameterException e) {
                    wrong.add(file.getFileName() + ": ./podium " + commands.group(1) + "\n    " + e.getMessage());
                }
            }
        }
        assertTrue(wrong.isEmpty(), String.join("\n", wrong));
        assertTrue(parsed > 20, parsed + " commands were found");
    }

    @Test
    void everyCommandExplainsItself() {
        for (List<String> command :
                List.of(List.of("--help"), List.of("round", "start", "--help"), List.of("channel", "rollback", "-h"))) {
            StringWriter out = new StringWriter();
            PrintWriter writer = new PrintWriter(out);
            assertEquals(0, Podium.run(new Session(Map.of(), writer, writer), command.toArray(String[]::new)));
            writer.flush();
            assertTrue(out.toString().startsWith("Usage: podium"), out.toString());
        }
    }

    private static List<Path> documents() throws IOException {
        List<Path> all = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
            docs.filter(file -> file.toString().endsWith(".md")).forEach(all::add);
        }
        return all;
    }

    /** Words up to a comment, a redirection or another command. */
    private static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        Matcher matcher = WORD.matcher(text);
        while (matcher.find()) {
            String word = matcher.group();
            if (word.startsWith("#") || word.equals(">") || word.equals("&") || word.equals("&&")) {
                break;
            }
            boolean ends = matcher.group(3) != null && (word.endsWith(";") || word.endsWith(")") || word.endsWith(","));
            words.add(
                    matcher.group(3) == null ? word.substring(1, word.length() - 1) : word.replaceAll("[.,;:)]+$", ""));
            if (ends) {
                break;
            }
        }
        words.removeIf(String::isEmpty);
        return words;
    }

    private static Session session() {
        PrintWriter nowhere = new PrintWriter(new StringWriter());
        return new Session(Map.of(), nowhere, nowhere);
    }
}
