package dev.podium.feedback.security;

import io.vertx.core.http.Cookie;
import io.vertx.core.http.CookieSameSite;
import io.vertx.ext.web.RoutingContext;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Ends sessions with the password that began them, and with a log-out: beside Quarkus' session cookie, which knows the
 * name alone, goes one with a keyed hash of the name, of what the database holds of the password, and of the version of
 * the person's sessions.
 */
@Singleton
class SessionStamps {
    /** Name of the cookie. */
    static final String COOKIE = "podium-session";

    private static final Pattern NO_PAGE = Pattern.compile("/(api|web|webjars|login|logout)(/.*)?");

    private final SecretKeySpec key;
    private final String sessionCookie;
    private final String wayBackCookie;

    SessionStamps(
            @ConfigProperty(name = "quarkus.http.auth.session.encryption-key") String sessionKey,
            @ConfigProperty(name = "quarkus.http.auth.form.cookie-name", defaultValue = "quarkus-credential")
                    String sessionCookie,
            @ConfigProperty(name = "quarkus.http.auth.form.location-cookie", defaultValue = "quarkus-redirect-location")
                    String wayBackCookie) {
        key = new SecretKeySpec(sessionKey.getBytes(StandardCharsets.UTF_8), "HmacSHA256");
        this.sessionCookie = sessionCookie;
        this.wayBackCookie = wayBackCookie;
    }

    /** Stamps the session that begins with this response. */
    void set(RoutingContext context, String name, String passwordHash, int version) {
        context.response()
                .addCookie(Cookie.cookie(COOKIE, of(name, passwordHash, version))
                        .setPath("/")
                        .setHttpOnly(true)
                        .setSameSite(CookieSameSite.LAX)
                        .setSecure(context.request().isSSL()));
    }

    /** Whether the session began with the password that holds now, and nobody has ended it. */
    boolean fits(@Nullable RoutingContext context, String name, String passwordHash, int version) {
        Cookie cookie = context == null ? null : context.request().getCookie(COOKIE);
        return cookie != null
                && MessageDigest.isEqual(
                        of(name, passwordHash, version).getBytes(StandardCharsets.UTF_8),
                        cookie.getValue().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Has the browser forget a session that has ended: with its cookies the log-in page, too, would be refused and lead to
     * itself. Only a page is where somebody comes back to after the log-in. A request of a page in the background may have
     * begun before a new session and be answered after it, so that its answer takes nothing back; it leads to the log-in
     * page, which does.
     */
    void forget(@Nullable RoutingContext context) {
        if (context == null) {
            return;
        }
        String path = context.normalizedPath();
        for (String name : path.startsWith("/api/") ? List.<String>of() : List.of(sessionCookie, COOKIE)) {
            context.response()
                    .addCookie(Cookie.cookie(name, "")
                            .setPath("/")
                            .setHttpOnly(true)
                            .setMaxAge(0));
        }
        if (NO_PAGE.matcher(path).matches()) {
            context.addHeadersEndHandler(end -> context.response().removeCookie(wayBackCookie, false));
        }
    }

    private String of(String name, String passwordHash, int version) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            // Without a version as long as there is none: sessions from before there were some go on.
            String text = "podium session " + name + "\n" + passwordHash + (version == 0 ? "" : "\n" + version);
            byte[] hash = mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
            return Base64.getUrlEncoder().withoutPadding().encodeToString(hash);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }
}
