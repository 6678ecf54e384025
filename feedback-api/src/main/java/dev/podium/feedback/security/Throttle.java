package dev.podium.feedback.security;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.podium.contracts.EventJson;
import dev.podium.feedback.rest.Problems;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Answers 429 to who sends too much: to an address with too many wrong passwords, before any password of its is looked
 * at, and to credentials that make too many changes. Buckets are kept in this process; several instances each grant as
 * much.
 */
@Singleton
class Throttle {
    /** Before the check for credentials, so that nothing is spent on who is refused. */
    private static final int FIRST = 600;

    private static final int MOST_BUCKETS = 100_000;

    private final Cache<String, Bucket> buckets = Caffeine.newBuilder()
            .maximumSize(MOST_BUCKETS)
            .expireAfterAccess(Duration.ofMinutes(5))
            .build();
    private final int wrongPasswords;
    private final int changes;

    Throttle(
            @ConfigProperty(name = "podium.limits.wrong-passwords-per-minute") int wrongPasswords,
            @ConfigProperty(name = "podium.limits.changes-per-minute") int changes) {
        this.wrongPasswords = wrongPasswords;
        this.changes = changes;
    }

    void register(@Observes Filters filters) {
        filters.register(this::check, FIRST);
    }

    private void check(RoutingContext context) {
        String address = context.request().remoteAddress() == null
                ? ""
                : context.request().remoteAddress().hostAddress();
        boolean form = context.normalizedPath().equals("/login")
                && context.request().method().name().equals("POST");
        String authorization = context.request().getHeader("Authorization");
        if (form || authorization != null) {
            Bucket wrong = bucket("wrong " + address, wrongPasswords);
            if (wrong.getAvailableTokens() == 0) {
                refuse(context, wrong.estimateAbilityToConsume(1), "Too many wrong passwords from this address.");
                return;
            }
            context.addEndHandler(end -> {
                if (isWrong(context, form)) {
                    wrong.tryConsume(1);
                }
            });
        }
        if (!form && isChange(context)) {
            String who = authorization != null ? authorization : cookieOrAddress(context, address);
            ConsumptionProbe probe = bucket("change " + who, changes).tryConsumeAndReturnRemaining(1);
            if (!probe.isConsumed()) {
                refuse(context, probe.getNanosToWaitForRefill(), "Too many changes in a short time.");
                return;
            }
        }
        context.next();
    }

    private Bucket bucket(String key, int perMinute) {
        return buckets.get(
                key,
                k -> Bucket.builder()
                        .addLimit(limit -> limit.capacity(perMinute).refillGreedy(perMinute, Duration.ofMinutes(1)))
                        .build());
    }

    private static boolean isWrong(RoutingContext context, boolean form) {
        String location = context.response().headers().get("Location");
        return form
                ? location != null && location.contains("error")
                : context.response().getStatusCode() == 401;
    }

    private static boolean isChange(RoutingContext context) {
        return switch (context.request().method().name()) {
            case "POST", "PUT", "DELETE", "PATCH" -> context.normalizedPath().startsWith("/api/");
            default -> false;
        };
    }

    private static String cookieOrAddress(RoutingContext context, String address) {
        var cookie = context.request().getCookie("quarkus-credential");
        return cookie == null ? address : cookie.getValue();
    }

    private static void refuse(RoutingContext context, io.github.bucket4j.EstimationProbe probe, String detail) {
        refuse(context, probe.getNanosToWaitForRefill(), detail);
    }

    private static void refuse(RoutingContext context, long nanosToWait, String detail) {
        long seconds = Math.max(1, TimeUnit.NANOSECONDS.toSeconds(nanosToWait) + 1);
        context.response()
                .setStatusCode(429)
                .putHeader("Content-Type", Problems.MEDIA_TYPE)
                .putHeader("Retry-After", Long.toString(seconds))
                .end(EventJson.writeText(Problems.body(
                        429, "too_many_requests", detail + " Try again in " + seconds + " s.", Map.of())));
    }
}
