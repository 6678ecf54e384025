package dev.podium.llm.torch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What this machine and the engine say about GPUs, and, in one line with its remedy, what keeps a wanted GPU from being
 * used. The checks go from the machine upwards, so that the first fault named is the one to mend first: driver, device,
 * {@code CUDA_VISIBLE_DEVICES}, libraries, number.
 *
 * @param driver version of the NVIDIA kernel driver, such as 570.124.06; null where none is loaded
 * @param devices GPUs the driver shows on this machine; -1 where that cannot be seen (not Linux)
 * @param visible the variable {@code CUDA_VISIBLE_DEVICES}; null where it is not set
 * @param libraryPath the variable {@code PYTORCH_LIBRARY_PATH}; null where it is not set
 * @param cudaBuild whether the engine that was loaded is one for CUDA
 * @param engineGpus GPUs the engine sees
 */
record GpuSetup(
        @Nullable String driver,
        int devices,
        @Nullable String visible,
        @Nullable String libraryPath,
        boolean cudaBuild,
        int engineGpus) {
    /** The oldest driver on Linux that runs programs for CUDA 12 (NVIDIA, CUDA Compatibility, minor versions). */
    static final int OLDEST_DRIVER = 525;

    private static final String LIBRARIES =
            "set PYTORCH_LIBRARY_PATH to the lib folder of libtorch 2.7.1 for CUDA 12.8, PYTORCH_VERSION=2.7.1 and"
                    + " PYTORCH_FLAVOR=cu128";
    private static final Pattern DRIVER = Pattern.compile("Kernel Module\\b.*?\\s(\\d+\\.\\d+(?:\\.\\d+)?)\\s");

    /** Reads the machine: the driver's files under a root folder ({@code /} but in tests) and the environment. */
    static GpuSetup read(Path root, Map<String, String> environment, boolean cudaBuild, int engineGpus) {
        boolean linux = Files.isDirectory(root.resolve("proc"));
        return new GpuSetup(
                driver(root.resolve("proc/driver/nvidia/version")),
                linux ? devices(root.resolve("proc/driver/nvidia/gpus")) : -1,
                environment.get("CUDA_VISIBLE_DEVICES"),
                environment.get("PYTORCH_LIBRARY_PATH"),
                cudaBuild,
                engineGpus);
    }

    /** Whether this machine has a GPU at all, as far as can be seen; where not, {@code auto} need not say a word. */
    boolean hasHardware() {
        return driver != null && devices != 0;
    }

    /**
     * Why a GPU cannot be used, and what to do.
     *
     * @param number the wanted GPU, from 0
     * @return one line; empty where the GPU can be used
     */
    Optional<String> fault(int number) {
        if (number < engineGpus) {
            return Optional.empty();
        }
        if (devices >= 0 && driver == null) {
            return Optional.of("no NVIDIA driver is loaded on this machine; install the driver (version "
                    + OLDEST_DRIVER
                    + " or newer), in a container start it with its GPUs (for Docker: --gpus all), or set"
                    + " podium.device=cpu");
        }
        if (devices == 0) {
            return Optional.of("the NVIDIA driver " + driver
                    + " is loaded but shows no GPU; look at nvidia-smi, in a container give it a GPU (for Docker: --gpus"
                    + " all), or set podium.device=cpu");
        }
        if (driver != null && major(driver) < OLDEST_DRIVER) {
            return Optional.of("the NVIDIA driver " + driver + " is too old for CUDA 12; install version "
                    + OLDEST_DRIVER + " or newer");
        }
        if (visible != null && hides(visible)) {
            return Optional.of("CUDA_VISIBLE_DEVICES=" + quoted(visible)
                    + " hides every GPU of this machine; unset it, or name the GPU to use");
        }
        if (!cudaBuild) {
            return Optional.of(
                    libraryPath == null
                            ? "the libtorch that came with Podium is one for CPUs only; " + LIBRARIES
                            : "the libtorch in PYTORCH_LIBRARY_PATH=" + quoted(libraryPath) + " is one for CPUs only; "
                                    + LIBRARIES);
        }
        if (engineGpus == 0) {
            return Optional.of("libtorch for CUDA is loaded but finds no GPU it can use; its CUDA 12.8 and the driver"
                    + (driver == null ? "" : " " + driver)
                    + " may not match, or this user may not open /dev/nvidia*: nvidia-smi as this user must list the"
                    + " GPU");
        }
        return Optional.of("there is no GPU " + number + ", GPUs are counted from 0 and the engine sees " + engineGpus
                + (visible == null ? "" : " with CUDA_VISIBLE_DEVICES=" + quoted(visible))
                + "; set podium.device=cuda:0"
                + (engineGpus == 1 ? "" : " to cuda:" + (engineGpus - 1)));
    }

    /**
     * Why the engine's libraries could not be loaded, and what to do.
     *
     * @param cause what the engine threw
     */
    static String notLoadable(Throwable cause, Map<String, String> environment) {
        Throwable root = cause;
        while (root.getCause() != null && root.getCause() != root) {
            root = root.getCause();
        }
        String said = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        String path = environment.get("PYTORCH_LIBRARY_PATH");
        String remedy;
        if (path == null) {
            remedy = "Podium runs on Linux and Windows on x86-64, and on macOS and Linux on ARM64; elsewhere, or with a"
                    + " system older than glibc 2.28, set PYTORCH_LIBRARY_PATH to a libtorch 2.7.1 made for it";
        } else if (!Files.isDirectory(Path.of(path))) {
            remedy = "PYTORCH_LIBRARY_PATH=" + quoted(path) + " is not a folder; " + LIBRARIES
                    + ", or unset them to use the CPU";
        } else {
            remedy = "it was looked for in PYTORCH_LIBRARY_PATH=" + quoted(path)
                    + (environment.containsKey("PYTORCH_FLAVOR")
                            ? " with PYTORCH_FLAVOR=" + quoted(environment.getOrDefault("PYTORCH_FLAVOR", ""))
                            : "")
                    + "; " + LIBRARIES + ", or unset them to use the CPU";
        }
        return "libtorch could not be loaded ("
                + said.lines().findFirst().orElse("").strip() + "); " + remedy;
    }

    private static boolean hides(String visible) {
        // CUDA reads the list up to its first invalid entry; a leading -1, an empty list or "none" leaves nothing.
        String first = visible.strip().split(",", -1)[0].strip();
        return first.isEmpty()
                || first.startsWith("-")
                || first.equalsIgnoreCase("none")
                || first.equalsIgnoreCase("NoDevFiles");
    }

    private static int major(String version) {
        return Integer.parseInt(version.substring(0, version.indexOf('.')));
    }

    private static String quoted(String value) {
        return value.isEmpty() ? "\"\"" : value;
    }

    private static @Nullable String driver(Path file) {
        try {
            Matcher version = DRIVER.matcher(Files.readString(file));
            return version.find() ? version.group(1) : null;
        } catch (IOException e) {
            return null;
        }
    }

    private static int devices(Path folder) {
        try (Stream<Path> gpus = Files.list(folder)) {
            return (int) gpus.count();
        } catch (IOException e) {
            return 0;
        }
    }
}
