package dev.podium.local.command;

import picocli.CommandLine.Option;

/** The flag that every command with a result has. */
final class JsonOption {
    @Option(names = "--json", description = "print the answer as JSON on one line, for scripts")
    boolean json;
}
