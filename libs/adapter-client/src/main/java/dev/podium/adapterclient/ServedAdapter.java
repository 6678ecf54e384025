package dev.podium.adapterclient;

import dev.podium.contracts.AdapterManifest;
import java.nio.file.Path;

/**
 * A verified adapter on this machine.
 *
 * @param folder in PEFT's form; complete, never changed. It stays until some versions later
 */
public record ServedAdapter(AdapterManifest manifest, Path folder) {
    public String version() {
        return manifest.version();
    }
}
