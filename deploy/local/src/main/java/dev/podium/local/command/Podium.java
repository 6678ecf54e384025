package dev.podium.local.command;

import dev.podium.local.client.ApiException;
import dev.podium.local.stack.StackException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * The command {@code podium}. Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage.
 */
@Command(
        name = "podium",
        mixinStandardHelpOptions = true,
        versionProvider = Podium.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        description = "Human rankings in, better language models out.",
        footer = {
            "",
            "PODIUM_HOME       data folder of the local stack (.podium)",
            "PODIUM_HTTP_PORT  its first port (8080); eleven more follow",
            "PODIUM_URL, PODIUM_USER, PODIUM_PASSWORD  another feedback-api, another user",
            "PODIUM_TOKEN      a token instead of user and password",
            "",
            "./podium test runs all tests."
        })
public final class Podium {
    private Podium() {}

    /** Runs the command line and ends the JVM with its exit code. */
    public static void main(String[] arguments) {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        int status = run(new Session(System.getenv(), out, err), arguments);
        out.flush();
        err.flush();
        System.exit(status);
    }

    static int run(Session session, String... arguments) {
        CommandLine line = commandLine(session);
        List<String> all = List.of(arguments);
        if (all.contains("--help") || all.contains("-h")) {
            // Before parsing, which would ask for what is required.
            named(line, all).usage(session.out());
            return 0;
        }
        return line.execute(arguments);
    }

    /** All commands. */
    static CommandLine commandLine(Session session) {
        CommandLine line = new CommandLine(new Podium());
        line.addSubcommand(new UpCommand(session));
        line.addSubcommand(new StatusCommand(session));
        line.addSubcommand(new DownCommand(session));
        line.addSubcommand(new DemoCommand(session));
        line.addSubcommand(new ImportCommand(session));
        line.addSubcommand(new ExportCommand(session));
        line.addSubcommand(new ProjectCommand(session));
        line.addSubcommand(new UserCommand(session));
        line.addSubcommand(new MemberCommands(session));
        line.addSubcommand(new TokenCommands(session));
        line.addSubcommand(new AuditCommands(session));
        line.addSubcommand(new OperationsCommand(session));
        line.addSubcommand(new DeadLetterCommands(session));
        line.addSubcommand(new RoundCommands(session));
        line.addSubcommand(new AdapterCommands(session));
        line.addSubcommand(new LabelerCommands(session));
        line.addSubcommand(new QualityCommands(session));
        line.addSubcommand(new GoldCommands(session));
        line.addSubcommand(new RemarkCommands(session));
        line.addSubcommand(new ChannelCommands(session));
        line.addSubcommand(new RuleCommands(session));
        line.addSubcommand(new AbCommand(session));
        line.addSubcommand(new KeysCommand(session));
        line.addSubcommand(new SidecarCommand(session));
        line.addSubcommand(new CommandLine(new BenchCommand(session)).addSubcommand(new BenchMethodsCommand(session)));
        line.addSubcommand(new ChaosCommand(session));
        line.getSubcommands().values().forEach(Podium::addHelp);
        line.setOut(session.out());
        line.setErr(session.err());
        line.setCaseInsensitiveEnumValuesAllowed(true).setExpandAtFiles(false);
        line.setExecutionExceptionHandler((exception, command, result) -> fail(session, exception));
        return line;
    }

    /** The command that leading words name; the whole line where there are none. */
    private static CommandLine named(CommandLine line, List<String> arguments) {
        CommandLine command = line;
        for (String argument : arguments) {
            CommandLine next = command.getSubcommands().get(argument);
            if (next == null) {
                break;
            }
            command = next;
        }
        return command;
    }

    private static void addHelp(CommandLine command) {
        // The options of a command that is a method are its parameters, by position: none may be added.
        if (!(command.getCommandSpec().userObject() instanceof java.lang.reflect.Method)) {
            command.getCommandSpec().mixinStandardHelpOptions(true);
        }
        command.getSubcommands().values().forEach(Podium::addHelp);
    }

    private static int fail(Session session, Exception exception) throws Exception {
        switch (exception) {
            case ApiException refused -> session.err().println("podium: " + refused.getMessage());
            case StackException stack -> session.err().println("podium: " + stack.getMessage());
            case NoSuchFileException missing -> session.err().println("podium: no such file: " + missing.getFile());
            case KafkaException kafka -> session.err().println("podium: Kafka: " + kafka.getMessage());
            case IOException io -> session.err().println("podium: " + io);
            case IllegalArgumentException wrong -> session.err().println("podium: " + wrong.getMessage());
            default -> throw exception;
        }
        return 1;
    }

    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Podium.class.getPackage().getImplementationVersion();
            return new String[] {"podium " + (version == null ? "(development)" : version)};
        }
    }
}
