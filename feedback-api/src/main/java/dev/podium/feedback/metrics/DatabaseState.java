package dev.podium.feedback.metrics;

import io.agroal.api.AgroalDataSource;
import io.agroal.api.configuration.AgroalConnectionFactoryConfiguration;
import io.agroal.api.security.SimplePassword;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;
import org.jspecify.annotations.Nullable;
import org.postgresql.Driver;

/**
 * Ready means that PostgreSQL answers, on a connection of its own: an instance whose pool is busy is not one whose database
 * is away. The extension's own check is switched off: it waits for a server that is frozen, or cut off without a word, as
 * long as a statement may, and a probe would have no answer.
 */
@Readiness
@Singleton
public class DatabaseState implements HealthCheck {
    /** Probes wait for five seconds. */
    private static final Duration LIMIT = Duration.ofSeconds(2);

    private final Callable<Connection> connector;
    private final ThreadFactory threads;
    // Guarded by this.
    private @Nullable FutureTask<Boolean> asking;
    /** From one question to the next; used by the thread that asks. */
    private volatile @Nullable Connection kept;

    @Inject
    DatabaseState(AgroalDataSource database) {
        this(
                () -> connect(database),
                Thread.ofPlatform().name("database-state").daemon().factory());
    }

    DatabaseState(Callable<Connection> connector, ThreadFactory threads) {
        this.connector = connector;
        this.threads = threads;
    }

    @Override
    public HealthCheckResponse call() {
        Optional<String> problem = problem();
        HealthCheckResponseBuilder state = HealthCheckResponse.named("database").status(problem.isEmpty());
        problem.ifPresent(why -> state.withData("problem", why));
        return state.build();
    }

    private Optional<String> problem() {
        try {
            ask().get(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
            return Optional.empty();
        } catch (ExecutionException e) {
            Throwable reason = e.getCause() == null ? e : e.getCause();
            return Optional.of(Optional.ofNullable(reason.getMessage()).orElse(reason.toString()));
        } catch (TimeoutException e) {
            return Optional.of("PostgreSQL did not answer within " + LIMIT.toSeconds() + " s");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.of("interrupted");
        }
    }

    /** One question at a time: probes that come while PostgreSQL is away take no connection each. */
    private synchronized FutureTask<Boolean> ask() {
        FutureTask<Boolean> asked = asking;
        if (asked == null || asked.isDone()) {
            asked = new FutureTask<>(this::answers);
            // Where no thread can be had, the next probe tries again.
            threads.newThread(asked).start();
            asking = asked;
        }
        return asked;
    }

    /** The kept connection may be one of a server that was restarted since: then a new one tells. */
    private boolean answers() throws Exception {
        Connection connection = kept;
        if (connection != null && connection.isValid((int) LIMIT.toSeconds())) {
            return true;
        }
        close();
        kept = connector.call();
        return true;
    }

    @PreDestroy
    void close() throws SQLException {
        Connection connection = kept;
        kept = null;
        if (connection != null) {
            // Without a word to a server that may not listen.
            connection.abort(Runnable::run);
        }
    }

    /** As the pool connects, but not for longer than a probe waits. */
    private static Connection connect(AgroalDataSource database) throws SQLException {
        AgroalConnectionFactoryConfiguration pooled =
                database.getConfiguration().connectionPoolConfiguration().connectionFactoryConfiguration();
        Properties properties = new Properties();
        properties.putAll(pooled.jdbcProperties());
        if (pooled.principal() != null) {
            properties.setProperty("user", pooled.principal().getName());
        }
        for (Object credential : pooled.credentials()) {
            if (credential instanceof SimplePassword password) {
                properties.putAll(password.asProperties());
            }
        }
        properties.setProperty("connectTimeout", Long.toString(LIMIT.toSeconds()));
        properties.setProperty("socketTimeout", Long.toString(LIMIT.toSeconds()));
        return Objects.requireNonNull(
                new Driver().connect(pooled.jdbcUrl(), properties), "the address is not one of PostgreSQL");
    }
}
