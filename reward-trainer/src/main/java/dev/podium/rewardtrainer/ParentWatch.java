package dev.podium.rewardtrainer;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** Ends this application when the process that started it is gone: its standard input is then at its end. */
@ApplicationScoped
@Startup
class ParentWatch {
    private static final Logger LOG = Logger.getLogger(ParentWatch.class);

    ParentWatch(@ConfigProperty(name = "podium.parent.watch", defaultValue = "false") boolean enabled) {
        if (enabled) {
            Thread.ofPlatform().daemon().name("parent-watch").start(ParentWatch::watch);
        }
    }

    private static void watch() {
        try {
            while (System.in.read() >= 0) {
                // Nothing is expected there but its end.
            }
        } catch (IOException e) {
            LOG.debug("standard input cannot be read", e);
        }
        LOG.info("standard input has ended, stopping");
        Quarkus.asyncExit();
    }
}
