package dev.podium.feedback.kafka;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.io.IOException;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Ends the application when the process that started it is gone, where that is asked for: standard input ends then. */
@Singleton
class ParentWatch {
    private final boolean wanted;

    ParentWatch(@ConfigProperty(name = "podium.parent.watch", defaultValue = "false") boolean wanted) {
        this.wanted = wanted;
    }

    void start(@Observes StartupEvent event) {
        if (wanted) {
            Thread thread = new Thread(ParentWatch::waitForTheEnd, "parent-watch");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static void waitForTheEnd() {
        try {
            while (System.in.read() >= 0) {
                // Whatever comes is of no interest; only the end is.
            }
        } catch (IOException e) {
            org.jboss.logging.Logger.getLogger(ParentWatch.class).debug("standard input broke", e);
        }
        Quarkus.asyncExit();
    }
}
