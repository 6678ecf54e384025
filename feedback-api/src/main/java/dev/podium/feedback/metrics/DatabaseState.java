package dev.podium.feedback.metrics;

import io.agroal.api.AgroalDataSource;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;
import org.jspecify.annotations.Nullable;

/**
 * Ready means that PostgreSQL answers. The extension's own check is switched off: it waits for a server that is frozen, or
 * cut off without a word, as long as a statement may, and a probe would have no answer.
 */
@Readiness
@Singleton
public class DatabaseState implements HealthCheck {
    /** Probes wait for five seconds. */
    private static final Duration LIMIT = Duration.ofSeconds(2);

    private final AgroalDataSource database;
    // Guarded by this.
    private @Nullable FutureTask<Boolean> asking;

    DatabaseState(AgroalDataSource database) {
        this.database = database;
    }

    @Override
    public HealthCheckResponse call() {
        return HealthCheckResponse.named("database").status(answers()).build();
    }

    private boolean answers() {
        try {
            return ask().get(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** One question at a time: probes that come while PostgreSQL is away take no connection each. */
    private synchronized FutureTask<Boolean> ask() {
        FutureTask<Boolean> asked = asking;
        if (asked == null || asked.isDone()) {
            asked = new FutureTask<>(this::select);
            asking = asked;
            Thread.ofPlatform().name("database-state").daemon().start(asked);
        }
        return asked;
    }

    private boolean select() throws SQLException {
        try (Connection connection = database.getConnection()) {
            int before = connection.getNetworkTimeout();
            connection.setNetworkTimeout(Runnable::run, (int) LIMIT.toMillis());
            try (Statement statement = connection.createStatement()) {
                statement.execute("select 1");
            }
            // After a failure the connection is closed, and the pool does without it.
            connection.setNetworkTimeout(Runnable::run, before);
            return true;
        }
    }
}
