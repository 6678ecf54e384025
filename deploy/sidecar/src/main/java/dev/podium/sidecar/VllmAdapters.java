package dev.podium.sidecar;

import dev.podium.adapterclient.ServedAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which adapters the server is to have, and which it may lose.
 *
 * <pre>
 *   load: wanted, and served --.                       .-- drained: unloaded
 *                              '-- released: not wanted --'
 *   the server has started again: what is wanted is loaded once more
 * </pre>
 *
 * A name holds project, channel, version and the beginning of the weights' sha256. It is never used for anything else: a
 * server may keep what it computed for a name.
 */
final class VllmAdapters {
    private static final Logger LOG = LoggerFactory.getLogger(VllmAdapters.class);
    private static final int SHA_DIGITS = 12;

    private final VllmServer server;
    private final String prefix;
    private final Path folder;
    private final String servedFolder;
    private final Duration drain;
    // One call that changes the server at a time: nothing is loaded and unloaded at once.
    private final Object calls = new Object();
    // Guarded by this:
    private final Map<String, Wanted> wanted = new HashMap<>();
    private final Map<String, Long> unloadNanos = new HashMap<>();

    private record Wanted(String path, int users) {}

    /**
     * @param prefix of all names, so that no other sidecar's adapters are touched
     * @param folder where adapters are here
     * @param servedFolder where the server has the same folder
     * @param drain how long an adapter stays after the last request that this sidecar knows of
     */
    VllmAdapters(VllmServer server, String prefix, Path folder, String servedFolder, Duration drain) {
        this.server = server;
        this.prefix = prefix;
        this.folder = folder.toAbsolutePath();
        this.servedFolder = servedFolder.endsWith("/") ? servedFolder : servedFolder + "/";
        this.drain = drain;
    }

    /** An adapter that the server has; closed when no request needs it any more. */
    final class Loaded implements AutoCloseable {
        private final String name;

        private Loaded(String name) {
            this.name = name;
        }

        /** What requests name. */
        String name() {
            return name;
        }

        @Override
        public void close() {
            release(name);
        }
    }

    /** Loads an adapter, and sees that it is there. */
    Loaded load(ServedAdapter adapter) throws IOException, InterruptedException, VllmServer.Refused {
        String name = name(adapter);
        String path = servedFolder
                + folder.relativize(adapter.folder().toAbsolutePath())
                        .toString()
                        .replace('\\', '/');
        synchronized (calls) {
            try {
                server.load(name, path);
            } catch (VllmServer.NoRoom e) {
                makeRoom(e);
                throw e;
            }
            if (server.models().stream().noneMatch(model -> model.id().equals(name))) {
                throw new IOException("vLLM has loaded " + name + ", but does not list it");
            }
            synchronized (this) {
                unloadNanos.remove(name);
                wanted.merge(name, new Wanted(path, 1), (a, b) -> new Wanted(path, a.users() + 1));
            }
            return new Loaded(name);
        }
    }

    /** Unloads what is on its way out before its time; the load is tried again by who asked for it. */
    private void makeRoom(VllmServer.NoRoom full) throws InterruptedException {
        try {
            unloadDrained(true);
        } catch (IOException e) {
            full.addSuppressed(e);
        }
    }

    private synchronized void release(String name) {
        Wanted held = wanted.remove(name);
        if (held != null && held.users() > 1) {
            wanted.put(name, new Wanted(held.path(), held.users() - 1));
        } else {
            unloadNanos.put(name, System.nanoTime() + drain.toNanos());
        }
    }

    /** Name of the base model, which answers where there is no adapter. */
    Optional<String> baseName() throws IOException, InterruptedException {
        return server.models().stream()
                .filter(model -> model.parent().isEmpty())
                .map(VllmServer.Model::id)
                .findFirst();
    }

    /** Brings the server to what it is to have: after its restart, after a drain, after a crash of a sidecar. */
    void keepInStep() throws IOException, InterruptedException {
        synchronized (calls) {
            bringInStep();
        }
    }

    private void bringInStep() throws IOException, InterruptedException {
        Set<String> served = server.models().stream().map(VllmServer.Model::id).collect(Collectors.toSet());
        Map<String, Wanted> missing;
        Set<String> leftOver = new HashSet<>(served);
        synchronized (this) {
            missing = new HashMap<>(wanted);
            missing.keySet().removeAll(served);
            leftOver.removeIf(
                    name -> !name.startsWith(prefix) || wanted.containsKey(name) || unloadNanos.containsKey(name));
            // Of a sidecar before this one; requests may still run.
            leftOver.forEach(name -> unloadNanos.put(name, System.nanoTime() + drain.toNanos()));
        }
        for (Map.Entry<String, Wanted> each : missing.entrySet()) {
            try {
                server.load(each.getKey(), each.getValue().path());
                LOG.warn("vLLM had lost {}; it is loaded again", each.getKey());
            } catch (VllmServer.Refused e) {
                LOG.error("vLLM had lost {} and does not take it back: {}", each.getKey(), e.getMessage());
            }
        }
        unloadDrained(false);
    }

    /** @param soon without waiting for the drain: the server has no room */
    private void unloadDrained(boolean soon) throws IOException, InterruptedException {
        List<String> due;
        synchronized (this) {
            due = unloadNanos.entrySet().stream()
                    .filter(each -> soon || System.nanoTime() - each.getValue() >= 0)
                    .map(Map.Entry::getKey)
                    .toList();
        }
        for (String name : due) {
            server.unload(name);
            synchronized (this) {
                unloadNanos.remove(name);
            }
            LOG.info("{} is unloaded", name);
        }
    }

    String name(ServedAdapter adapter) {
        String sha256 = adapter.manifest().files().stream()
                .filter(file -> file.name().endsWith(".safetensors"))
                .map(file -> file.sha256().substring(0, SHA_DIGITS))
                .findFirst()
                .orElse("");
        return prefix + plain(adapter.version()) + "." + sha256;
    }

    static String prefix(String projectId, String channel) {
        return plain(projectId) + "." + plain(channel) + ".";
    }

    private static String plain(String text) {
        return text.replaceAll("[^A-Za-z0-9_-]", "_");
    }
}
