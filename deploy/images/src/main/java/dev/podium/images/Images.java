package dev.podium.images;

import com.google.cloud.tools.jib.api.CacheDirectoryCreationException;
import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.ImageReference;
import com.google.cloud.tools.jib.api.InvalidImageReferenceException;
import com.google.cloud.tools.jib.api.JibContainer;
import com.google.cloud.tools.jib.api.RegistryException;
import com.google.cloud.tools.jib.api.RegistryImage;
import com.google.cloud.tools.jib.api.TarImage;
import com.google.cloud.tools.jib.frontend.CredentialRetrieverFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code ./podium images}: pushes the applications' images to a registry, or writes them as archives. */
@Command(
        name = "podium images",
        mixinStandardHelpOptions = true,
        description = "Builds the container images; needs no container engine.")
public final class Images implements Callable<Integer> {
    @ArgGroup(multiplicity = "1")
    private Target target = new Target();

    @Option(
            names = "--base",
            defaultValue = "eclipse-temurin:25-jre",
            description = "image with a Java runtime, 21 or newer (default: ${DEFAULT-VALUE}); a name, tar://FILE,"
                    + " or scratch; trainers on GPUs: one with CUDA and libtorch")
    private String base = "";

    @Option(names = "--tag", defaultValue = "latest", description = "default: ${DEFAULT-VALUE}")
    private String tag = "";

    @Option(names = "--insecure", description = "the registry speaks plain HTTP")
    private boolean insecure;

    @Parameters(paramLabel = "APPLICATION", arity = "0..*", description = "all when absent")
    private List<String> applications = List.of();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** Where the images go. */
    static final class Target {
        @Option(names = "--push", paramLabel = "REGISTRY/PATH", description = "e.g. registry.example.org/podium")
        @Nullable
        String registry;

        @Option(names = "--tar", paramLabel = "FOLDER", description = "one archive per image, for docker load")
        @Nullable
        Path folder;
    }

    private Images() {}

    /** The command line; ends the process. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Images()).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        Path root =
                Path.of(Optional.ofNullable(System.getProperty("podium.root")).orElse("."));
        List<ApplicationImage> wanted = wanted();
        for (ApplicationImage image : wanted) {
            try {
                build(image, root);
            } catch (IOException | RegistryException | ExecutionException | InvalidImageReferenceException e) {
                Throwable cause = e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e;
                System.err.println("podium images: " + image.module() + ": " + cause.getMessage());
                return 1;
            }
        }
        return 0;
    }

    private List<ApplicationImage> wanted() {
        List<String> known = Arrays.stream(ApplicationImage.values())
                .map(ApplicationImage::module)
                .toList();
        for (String name : applications) {
            if (!known.contains(name)) {
                throw new ParameterException(spec.commandLine(), "no application " + name + "; known are " + known);
            }
        }
        return Arrays.stream(ApplicationImage.values())
                .filter(image -> applications.isEmpty() || applications.contains(image.module()))
                .toList();
    }

    private void build(ApplicationImage image, Path root)
            throws IOException, InvalidImageReferenceException, InterruptedException, RegistryException,
                    ExecutionException, CacheDirectoryCreationException {
        String name = target.registry == null ? "podium/" + image.module() : target.registry + "/" + image.module();
        ImageReference reference = ImageReference.parse(name + ":" + tag);
        Containerizer to;
        String where;
        Path folder = target.folder;
        if (folder != null) {
            Path file = Files.createDirectories(folder).resolve(image.module() + ".tar");
            to = Containerizer.to(TarImage.at(file).named(reference));
            where = file.toString();
        } else {
            CredentialRetrieverFactory credentials = CredentialRetrieverFactory.forImage(reference, event -> {});
            to = Containerizer.to(RegistryImage.named(reference)
                    .addCredentialRetriever(credentials.dockerConfig())
                    .addCredentialRetriever(credentials.wellKnownCredentialHelpers()));
            where = reference.toString();
        }
        JibContainer made = image.on(base, root)
                .containerize(to.setToolName("podium")
                        .setAllowInsecureRegistries(insecure)
                        .setBaseImageLayersCache(Containerizer.DEFAULT_BASE_CACHE_DIRECTORY));
        System.out.printf(Locale.ROOT, "%s %s%n", where, made.getDigest());
    }
}
