package dev.podium.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ApplicationImageTest {
    @ParameterizedTest
    @EnumSource(ApplicationImage.class)
    void theJvmTakesTheFlagsOfAnImage(ApplicationImage image) throws Exception {
        start(image, "");
    }

    @Test
    void whoeverRunsRankingStreamMayChooseItsCollector() throws Exception {
        for (String collector : List.of("UseSerialGC", "UseParallelGC", "UseG1GC")) {
            String settings = start(ApplicationImage.RANKING_STREAM, "-XX:+" + collector + " -XX:+PrintFlagsFinal");
            assertTrue(settings.matches("(?s).*" + collector + "\\s+= true.*"), collector);
        }
    }

    /** Starts its JVM without the application, and gives what it prints. */
    private static String start(ApplicationImage image, String options) throws Exception {
        List<String> line = new ArrayList<>(image.entrypoint());
        line.set(0, Path.of(System.getProperty("java.home"), "bin", "java").toString());
        int application = line.indexOf("-jar");
        line.subList(application, line.size()).clear();
        line.add("-version");
        ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
        builder.environment().put("JAVA_TOOL_OPTIONS", options);
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), printed);
        return printed;
    }
}
