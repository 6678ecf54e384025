package dev.podium.feedback.kafka;

import dev.podium.contracts.process.ParentWatch;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Ends the application when the process that started it is gone, where that is asked for. */
@Singleton
class ParentsEnd {
    private final boolean wanted;

    ParentsEnd(@ConfigProperty(name = ParentWatch.SETTING, defaultValue = "false") boolean wanted) {
        this.wanted = wanted;
    }

    void start(@Observes StartupEvent event) {
        if (wanted) {
            ParentWatch.start(Quarkus::asyncExit);
        }
    }
}
