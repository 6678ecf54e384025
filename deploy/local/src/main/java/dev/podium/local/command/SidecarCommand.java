package dev.podium.local.command;

import dev.podium.local.stack.StackException;
import dev.podium.local.stack.StackState;
import dev.podium.sidecar.Sidecar;
import dev.podium.sidecar.SidecarConfig;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Keeps a vLLM server's adapters in step with a channel. */
@Command(
        name = "sidecar",
        description =
                "Keeps a vLLM server's adapters in step with a channel, until Ctrl-C. Everything can be set in the"
                        + " environment too, as PODIUM_SIDECAR_...; the key of the server only there (PODIUM_SIDECAR_API_KEY).")
final class SidecarCommand implements Callable<Integer> {
    private final Session session;

    @Option(names = "--project", description = "whose channel is followed")
    private Optional<String> project = Optional.empty();

    @Option(names = "--channel", description = "production")
    private Optional<String> channel = Optional.empty();

    @Option(names = "--url", description = "of the server, http://localhost:8000")
    private Optional<String> url = Optional.empty();

    @Option(names = "--base-model", description = "that the server serves, as Podium calls it")
    private Optional<String> baseModel = Optional.empty();

    @Option(names = "--base-config", description = "its config.json: adapters are checked against its shape")
    private Optional<String> baseConfig = Optional.empty();

    @Option(names = "--folder", description = "where adapters are written; the server must see it")
    private Optional<String> folder = Optional.empty();

    @Option(names = "--served-folder", description = "where the server sees that folder, when elsewhere")
    private Optional<String> servedFolder = Optional.empty();

    @Option(names = "--alias", description = "model name that stands for the channel, PROJECT-CHANNEL")
    private Optional<String> alias = Optional.empty();

    @Option(names = "--port", description = "of the way on which the alias is answered, 8001; 0: none")
    private Optional<String> port = Optional.empty();

    SidecarCommand(Session session) {
        this.session = session;
    }

    @Override
    public Integer call() throws IOException, StackException, InterruptedException {
        Map<String, String> environment = new HashMap<>(session.environment());
        Optional<StackState> stack = StackState.running(session.folder());
        if (stack.isPresent() && !environment.containsKey("KAFKA_BOOTSTRAP_SERVERS")) {
            environment.put("KAFKA_BOOTSTRAP_SERVERS", stack.get().bootstrapServers());
            environment.putIfAbsent(
                    "PODIUM_TRUSTED_KEYS_FILE",
                    session.folder().trustedKeysFile().toString());
        }
        Map<String, Optional<String>> options = new HashMap<>();
        options.put("PROJECT", project);
        options.put("CHANNEL", channel);
        options.put("URL", url);
        options.put("BASE_MODEL", baseModel);
        options.put("BASE_CONFIG", baseConfig);
        options.put("FOLDER", folder);
        options.put("SERVED_FOLDER", servedFolder);
        options.put("ALIAS", alias);
        options.put("PORT", port);
        options.forEach((name, value) -> value.ifPresent(text -> environment.put("PODIUM_SIDECAR_" + name, text)));
        Sidecar.run(SidecarConfig.of(environment));
        return 0;
    }
}
