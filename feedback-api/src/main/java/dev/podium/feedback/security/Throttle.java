package dev.podium.feedback.security;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.podium.contracts.EventJson;
import dev.podium.feedback.rest.IdempotentAnswers;
import dev.podium.feedback.rest.Problems;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Answers 429 to who sends too much: to an address with too many wrong passwords (in the form; for one name; for many names,
 * in a longer time; by tokens), before any more of them is looked at, and to credentials that make too many changes. Buckets are kept in this process;
 * several instances each grant as much.
 */
@Singleton
class Throttle {
    /** Before the check for credentials, so that nothing is spent on who is refused. */
    private static final int FIRST = 600;

    /** What {@link #account} begins with where a name comes with its password. */
    private static final String NAME = "name";

    private static final int MOST_BUCKETS = 100_000;
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration QUARTER_HOUR = Duration.ofMinutes(15);

    private final Cache<String, Door> doors = keptFor(Duration.ofMinutes(5));
    /** Of addresses, whatever the name. Forgotten earlier, a pause would open them again. */
    private final Cache<String, Door> gates = keptFor(QUARTER_HOUR);

    private final Cache<String, Bucket> changesOf = keptFor(Duration.ofMinutes(5));
    /** Credentials that were right a moment ago: who works takes no place. */
    private final Cache<String, Boolean> right = keptFor(Duration.ofMinutes(5));

    private final int wrongPasswords;
    private final int wrongPasswordsOfAllNames;
    private final int changes;

    Throttle(
            @ConfigProperty(name = "podium.limits.wrong-passwords-per-minute") int wrongPasswords,
            @ConfigProperty(name = "podium.limits.wrong-passwords-per-quarter-hour") int wrongPasswordsOfAllNames,
            @ConfigProperty(name = "podium.limits.changes-per-minute") int changes) {
        this.wrongPasswords = wrongPasswords;
        this.wrongPasswordsOfAllNames = wrongPasswordsOfAllNames;
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
        if (!form && authorization == null) {
            counted(context, cookieOrAddress(context, address));
            return;
        }
        String credentials = IdempotentAnswers.sha256(address + " " + authorization);
        if (!form && right.getIfPresent(credentials) != null) {
            context.addHeadersEndHandler(begin -> {
                if (isWrong(context, false)) {
                    right.invalidate(credentials);
                }
            });
            counted(context, authorization);
            return;
        }
        String name = form ? "form" : account(authorization);
        Deque<Door> way = new ArrayDeque<>();
        if (name.startsWith(NAME)) {
            way.add(gates.get(address, a -> new Door(bucket(wrongPasswordsOfAllNames, QUARTER_HOUR))));
        }
        way.add(doors.get(name + " " + address, d -> new Door(bucket(wrongPasswords, MINUTE))));
        new Attempt(way) {
            @Override
            void hasPassed() {
                AtomicBoolean inside = new AtomicBoolean(true);
                // Answers may go on for hours; what was right is known when they begin.
                context.addHeadersEndHandler(begin -> {
                    boolean wrong = isWrong(context, form);
                    if (!wrong && !form) {
                        right.put(credentials, true);
                    }
                    if (inside.getAndSet(false)) {
                        leave(wrong);
                    }
                });
                context.addEndHandler(end -> {
                    if (inside.getAndSet(false)) {
                        leave(true);
                    }
                });
                if (form) {
                    context.next();
                } else {
                    counted(context, authorization);
                }
            }

            @Override
            void isRefused(long nanosToWait) {
                refuse(context, nanosToWait, "Too many wrong passwords from this address.");
            }
        }.goOn();
    }

    /** Whom a header speaks for: guesses at one are not counted against another. */
    private static String account(String authorization) {
        if (!authorization.regionMatches(true, 0, "Basic ", 0, 6)) {
            return "token";
        }
        try {
            String pair = new String(
                    Base64.getDecoder().decode(authorization.substring(6).strip()), StandardCharsets.UTF_8);
            return NAME + " " + pair.substring(0, Math.max(0, pair.indexOf(':')));
        } catch (IllegalArgumentException e) {
            return NAME;
        }
    }

    private void counted(RoutingContext context, String who) {
        if (isChange(context)) {
            ConsumptionProbe probe =
                    changesOf.get(who, w -> bucket(changes, MINUTE)).tryConsumeAndReturnRemaining(1);
            if (!probe.isConsumed()) {
                refuse(context, probe.getNanosToWaitForRefill(), "Too many changes in a short time.");
                return;
            }
        }
        context.next();
    }

    private static Bucket bucket(int most, Duration within) {
        return Bucket.builder()
                .addLimit(limit -> limit.capacity(most).refillGreedy(most, within))
                .build();
    }

    private static <T> Cache<String, T> keptFor(Duration unused) {
        return Caffeine.newBuilder()
                .maximumSize(MOST_BUCKETS)
                .expireAfterAccess(unused)
                .build();
    }

    /** Credentials that go through one door after the other, and leave them together. */
    private abstract static class Attempt {
        private final Deque<Door> ahead;
        private final Deque<Door> behind = new ArrayDeque<>();

        Attempt(Deque<Door> way) {
            this.ahead = way;
        }

        abstract void hasPassed();

        abstract void isRefused(long nanosToWait);

        final void goOn() {
            Door next = ahead.poll();
            if (next == null) {
                hasPassed();
            } else {
                next.enter(this);
            }
        }

        final void passes(Door through) {
            behind.add(through);
            goOn();
        }

        final void isTurnedAway(long nanosToWait) {
            leave(false);
            isRefused(nanosToWait);
        }

        final void leave(boolean wrong) {
            behind.forEach(door -> door.leave(wrong));
        }
    }

    /**
     * Lets as many in as may be wrong: each takes its place before it is looked at and gives it back when it was right, so
     * that a thousand guesses at once are no more than as many one after the other. Whoever comes when all places are
     * taken waits for those who are inside.
     */
    private static final class Door {
        private static final int MOST_WAITING = 1000;

        private final Bucket places;
        private final Deque<Runnable> waiting = new ArrayDeque<>();
        private int inside;

        Door(Bucket places) {
            this.places = places;
        }

        void enter(Attempt attempt) {
            synchronized (this) {
                if (places.tryConsume(1)) {
                    inside++;
                } else if (inside > 0 && waiting.size() < MOST_WAITING) {
                    Context context = Vertx.currentContext();
                    waiting.add(() -> context.runOnContext(again -> enter(attempt)));
                    return;
                } else {
                    attempt.isTurnedAway(places.estimateAbilityToConsume(1).getNanosToWaitForRefill());
                    return;
                }
            }
            attempt.passes(this);
        }

        void leave(boolean wrong) {
            List<Runnable> next;
            synchronized (this) {
                inside--;
                if (!wrong) {
                    places.addTokens(1);
                }
                next = List.copyOf(waiting);
                waiting.clear();
            }
            next.forEach(Runnable::run);
        }
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
