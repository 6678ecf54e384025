package dev.podium.llm.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every fault of a GPU's set-up is one line that names its remedy. */
class GpuSetupTest {
    @Test
    void aGpuThatTheEngineSeesHasNoFault() {
        assertTrue(setup("570.124.06", 2, null, true, 2).fault(1).isEmpty());
    }

    @Test
    void noDriver() {
        GpuSetup none = setup(null, 0, null, false, 0);
        assertSaid(fault(none), "no NVIDIA driver", "install the driver", "--gpus all");
        assertFalse(none.hasHardware());
    }

    @Test
    void aDriverWithoutAGpu() {
        assertSaid(fault(setup("570.124.06", 0, null, true, 0)), "shows no GPU", "nvidia-smi");
    }

    @Test
    void aDriverTooOldForCuda12() {
        assertSaid(fault(setup("470.57.02", 1, null, true, 0)), "470.57.02 is too old", "525 or newer");
    }

    @Test
    void gpusHiddenByTheEnvironment() {
        assertSaid(fault(setup("570.124.06", 1, "", true, 0)), "CUDA_VISIBLE_DEVICES=\"\"", "unset it");
        assertSaid(fault(setup("570.124.06", 1, "-1,0", true, 0)), "CUDA_VISIBLE_DEVICES=-1,0 hides");
    }

    @Test
    void aLibtorchForCpusOnlyOursOrTheUsers() {
        assertSaid(
                fault(setup("570.124.06", 1, null, false, 0)),
                "came with Podium",
                "PYTORCH_LIBRARY_PATH",
                "PYTORCH_FLAVOR=cu128");
        assertSaid(
                fault(new GpuSetup("570.124.06", 1, null, "/opt/libtorch/lib", false, 0)),
                "PYTORCH_LIBRARY_PATH=/opt/libtorch/lib is one for CPUs only");
    }

    @Test
    void librariesThatDoNotMatchTheDriver() {
        assertSaid(fault(setup("535.54.03", 1, null, true, 0)), "535.54.03 may not match", "nvidia-smi");
    }

    @Test
    void aNumberThatIsNotThere() {
        String line = setup("570.124.06", 2, null, true, 2).fault(7).orElseThrow();
        assertSaid(line, "no GPU 7", "sees 2", "cuda:0 to cuda:1");
    }

    @Test
    void librariesThatCannotBeLoaded() {
        Throwable cause = new IllegalStateException(
                "engine", new UnsatisfiedLinkError("libcudart.so.12: cannot open shared object file\nmore"));
        String ours = GpuSetup.notLoadable(cause, Map.of());
        assertSaid(ours, "libcudart.so.12: cannot open shared object file)", "PYTORCH_LIBRARY_PATH");
        assertFalse(ours.contains("\n"));
        assertSaid(
                GpuSetup.notLoadable(cause, Map.of("PYTORCH_LIBRARY_PATH", "/no/such/folder")),
                "PYTORCH_LIBRARY_PATH=/no/such/folder is not a folder",
                "unset them to use the CPU");
    }

    @Test
    void theMachineIsReadFromTheDriversFiles(@TempDir Path root) throws IOException {
        Files.createDirectories(root.resolve("proc/driver/nvidia/gpus/one"));
        Files.createDirectories(root.resolve("proc/driver/nvidia/gpus/two"));
        Files.writeString(root.resolve("proc/driver/nvidia/version"), """
                NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build  (dvs-builder)
                GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)
                """);
        GpuSetup read = GpuSetup.read(root, Map.of("CUDA_VISIBLE_DEVICES", "1"), false, 0);
        assertEquals(new GpuSetup("570.124.06", 2, "1", null, false, 0), read);
        assertTrue(read.hasHardware());
    }

    @Test
    void aMachineWithoutTheDriversFilesHasNoDriver(@TempDir Path root) throws IOException {
        Files.createDirectories(root.resolve("proc"));
        assertSaid(fault(GpuSetup.read(root, Map.of(), false, 0)), "no NVIDIA driver");
    }

    @Test
    void aDeviceOfNoKnownFormIsRefusedAndAMissingGpuFallsBackToTheCpu() {
        assertEquals(
                "podium.device must be auto, cpu or cuda:N, not gpu",
                assertThrows(IllegalArgumentException.class, () -> TorchRuntime.start("gpu", 1))
                        .getMessage());
        try (TorchRuntime runtime = TorchRuntime.start("cuda:63", 1)) {
            assertFalse(runtime.device().isGpu());
        }
    }

    private static GpuSetup setup(
            @Nullable String driver, int devices, @Nullable String visible, boolean cudaBuild, int engineGpus) {
        return new GpuSetup(driver, devices, visible, null, cudaBuild, engineGpus);
    }

    private static String fault(GpuSetup setup) {
        String line = setup.fault(0).orElseThrow();
        assertFalse(line.contains("\n"));
        return line;
    }

    private static void assertSaid(String line, String... parts) {
        for (String part : parts) {
            assertTrue(line.contains(part), () -> part + " in: " + line);
        }
    }
}
