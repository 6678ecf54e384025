package dev.podium.local.chaos;

import dev.podium.local.stack.Application;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What can be hit: the processes, and the connections of each application to the servers. */
enum Target {
    FEEDBACK_API(Application.FEEDBACK_API),
    /** Another replica: two relays, and requests that are sent again come to another one. */
    FEEDBACK_API_2(Application.FEEDBACK_API),
    RANKING_STREAM(Application.RANKING_STREAM),
    /** Another member of the group: partitions move, and one that was frozen comes back as a zombie. */
    RANKING_STREAM_2(Application.RANKING_STREAM),
    REWARD_TRAINER(Application.REWARD_TRAINER),
    POLICY_TRAINER(Application.POLICY_TRAINER),
    SAMPLE_SERVICE(Application.SAMPLE_SERVICE),
    /** Another instance of the same service. */
    SAMPLE_SERVICE_2(Application.SAMPLE_SERVICE),
    KAFKA(null),
    POSTGRES(null),
    /** The first feedback-api's connections to PostgreSQL; those to Kafka are the application's own name. */
    POSTGRES_LINK(null);

    private final Optional<Application> application;

    Target(@org.jspecify.annotations.Nullable Application application) {
        this.application = Optional.ofNullable(application);
    }

    /** Name of its log and of its link. */
    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** What runs in it; empty for the servers. */
    Optional<Application> application() {
        return application;
    }

    static List<Target> applications() {
        return Arrays.stream(values())
                .filter(target -> target.application.isPresent())
                .toList();
    }
}
