package dev.podium.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.cloud.tools.jib.api.buildplan.FileEntry;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** The files of Docker Compose, against the images that they run. */
class ComposeTest {
    private static final Path FOLDER = Path.of("../compose").toAbsolutePath().normalize();

    @Test
    void everyVolumeIsMountedOnAFolderThatBelongsToTheUserOfTheImage() throws Exception {
        JsonNode compose = read("compose.yaml");
        Map<String, ApplicationImage> images = Arrays.stream(ApplicationImage.values())
                .collect(Collectors.toMap(image -> "podium/" + image.module(), image -> image));
        List<String> wrong = new ArrayList<>();
        int seen = 0;
        for (var service : compose.path("services").properties()) {
            ApplicationImage image =
                    images.get(service.getValue().path("image").asText().split(":")[0]);
            if (image == null) {
                continue;
            }
            List<FileEntry> folders = image.work().getEntries();
            for (JsonNode volume : service.getValue().path("volumes")) {
                String[] parts = volume.asText().split(":");
                assertTrue(compose.path("volumes").has(parts[0]), volume.asText());
                seen++;
                // Docker gives a fresh volume the owner of the image's folder, or root where there is none.
                if (folders.stream()
                        .noneMatch(
                                folder -> folder.getExtractionPath().toString().equals(parts[1])
                                        && folder.getOwnership()
                                                .equals(ApplicationImage.USER_ID + ":" + ApplicationImage.USER_ID))) {
                    wrong.add(service.getKey() + ": " + volume.asText());
                }
            }
        }
        assertEquals(List.of(), wrong);
        assertEquals(6, seen, "volumes of the applications");
    }

    @Test
    void trainersShareOneSigningKeyAndFeedbackApiHasAnotherForPointers() throws Exception {
        JsonNode signing = read("signing.yaml");
        JsonNode services = read("compose.yaml").path("services");
        Map<String, String> keys = new TreeMap<>();
        for (var service : signing.path("services").properties()) {
            JsonNode environment = service.getValue().path("environment");
            assertTrue(services.has(service.getKey()), service.getKey());
            String folder =
                    service.getValue().path("volumes").get(0).path("target").asText();
            assertEquals(
                    folder + "/trusted-keys",
                    environment.path("PODIUM_TRUSTED_KEYS_FILE").asText());
            JsonNode secrets = service.getValue().path("secrets");
            assertEquals(1, secrets.size(), service.getKey());
            String secret = secrets.get(0).asText();
            assertEquals(
                    "/run/secrets/" + secret,
                    environment.path("PODIUM_SIGNING_KEY_FILE").asText());
            keys.put(
                    service.getKey(),
                    signing.path("secrets").path(secret).path("file").asText());
        }
        assertEquals(
                Map.of(
                        "policy-trainer", "./keys/signing-key.pem",
                        "reward-trainer", "./keys/signing-key.pem",
                        "feedback-api", "./keys/pointer-key.pem"),
                keys);
    }

    /** With anchors and merged maps resolved, which Jackson's own reader does not do. */
    private static JsonNode read(String name) throws IOException {
        try (Reader file = Files.newBufferedReader(FOLDER.resolve(name))) {
            Object document = new Yaml(new SafeConstructor(new LoaderOptions())).load(file);
            return new ObjectMapper().valueToTree(document);
        }
    }
}
