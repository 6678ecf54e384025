package dev.podium.feedback.security;

import io.quarkus.elytron.security.common.BcryptUtil;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.AuthenticationRequestContext;
import io.quarkus.security.identity.IdentityProvider;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.identity.request.TrustedAuthenticationRequest;
import io.quarkus.security.identity.request.UsernamePasswordAuthenticationRequest;
import io.quarkus.security.runtime.QuarkusPrincipal;
import io.quarkus.security.runtime.QuarkusSecurityIdentity;
import io.quarkus.vertx.http.runtime.security.HttpSecurityUtils;
import io.smallrye.mutiny.Uni;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Passwords, as bcrypt hashes. A right password is remembered as a keyed hash for the life of the process, so that a
 * program with HTTP Basic does not pay for bcrypt at each request; a changed password makes the memory useless.
 */
@ApplicationScoped
public class LogIn implements IdentityProvider<UsernamePasswordAuthenticationRequest> {
    private static final int MAX_REMEMBERED = 10_000;
    // A hash of nothing: an unknown name must take as long as a wrong password.
    private static final String NOBODY = BcryptUtil.bcryptHash("nobody");

    private final SecretKeySpec key;
    private final Map<String, Verified> verified = new ConcurrentHashMap<>();

    private record Verified(String bcrypt, byte[] mac) {}

    private final People people;
    private final SessionStamps stamps;

    LogIn(People people, SessionStamps stamps) {
        this.people = people;
        this.stamps = stamps;
        byte[] random = new byte[32];
        new SecureRandom().nextBytes(random);
        key = new SecretKeySpec(random, "HmacSHA256");
    }

    @Override
    public Class<UsernamePasswordAuthenticationRequest> getRequestType() {
        return UsernamePasswordAuthenticationRequest.class;
    }

    @Override
    public Uni<SecurityIdentity> authenticate(
            UsernamePasswordAuthenticationRequest request, AuthenticationRequestContext context) {
        RoutingContext http = HttpSecurityUtils.getRoutingContextAttribute(request);
        String name = request.getUsername();
        String password = new String(request.getPassword().getPassword());
        if (Recalled.isEnoughFor(http)) {
            Optional<People.Known> before =
                    people.recall(name).filter(person -> isVerified(person, mac(name + "\n" + password)));
            if (before.isPresent()) {
                return Uni.createFrom().item(Recalled.identity(before.get(), false));
            }
        }
        return context.runBlocking(() -> {
            People.Known person = check(name, password);
            if (http != null && http.normalizedPath().equals("/login")) {
                stamps.set(http, person.name(), person.passwordHash(), person.sessionVersion());
            }
            return identity(person);
        });
    }

    private People.Known check(String name, String password) {
        Optional<People.Known> found = people.find(name);
        // Who comes by a provider has no password.
        if (found.isEmpty() || found.get().passwordHash().isEmpty()) {
            BcryptUtil.matches(password, NOBODY);
            throw new AuthenticationFailedException("unknown name or wrong password");
        }
        People.Known person = found.get();
        byte[] mac = mac(name + "\n" + password);
        if (!isVerified(person, mac)) {
            if (!BcryptUtil.matches(password, person.passwordHash())) {
                throw new AuthenticationFailedException("unknown name or wrong password");
            }
            if (verified.size() >= MAX_REMEMBERED) {
                verified.clear();
            }
            verified.put(name, new Verified(person.passwordHash(), mac));
        }
        return person;
    }

    private boolean isVerified(People.Known person, byte[] mac) {
        Verified before = verified.get(person.name());
        return before != null
                && before.bcrypt().equals(person.passwordHash())
                && MessageDigest.isEqual(before.mac(), mac);
    }

    static SecurityIdentity identity(People.Known person) {
        return identity(person.name(), person.access());
    }

    /** Roles of the identity only tell pages what to offer; {@link AccessFilter} grants by the access itself. */
    static SecurityIdentity identity(String name, Access access) {
        return builder(name, access).build();
    }

    static SecurityIdentity identity(String name, Access access, String attribute, Object value) {
        return builder(name, access).addAttribute(attribute, value).build();
    }

    private static QuarkusSecurityIdentity.Builder builder(String name, Access access) {
        QuarkusSecurityIdentity.Builder builder = QuarkusSecurityIdentity.builder()
                .setPrincipal(new QuarkusPrincipal(name))
                .addAttribute(Access.ATTRIBUTE, access);
        for (Role role : Role.values()) {
            if (access.isAnywhere(role)) {
                builder.addRole(role.word());
            }
        }
        return builder;
    }

    private byte[] mac(String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    /** Accepts who comes with a session cookie, as long as the person and the password are still there. */
    @ApplicationScoped
    public static class OfSession implements IdentityProvider<TrustedAuthenticationRequest> {
        private final People people;
        private final SessionStamps stamps;

        OfSession(People people, SessionStamps stamps) {
            this.people = people;
            this.stamps = stamps;
        }

        @Override
        public Class<TrustedAuthenticationRequest> getRequestType() {
            return TrustedAuthenticationRequest.class;
        }

        @Override
        public Uni<SecurityIdentity> authenticate(
                TrustedAuthenticationRequest request, AuthenticationRequestContext context) {
            RoutingContext http = HttpSecurityUtils.getRoutingContextAttribute(request);
            if (Recalled.isEnoughFor(http)) {
                Optional<People.Known> before =
                        people.recall(request.getPrincipal()).filter(person -> fits(http, person));
                if (before.isPresent()) {
                    return Uni.createFrom().item(Recalled.identity(before.get(), true));
                }
            }
            return context.runBlocking(() -> people.find(request.getPrincipal())
                    .filter(person -> fits(http, person))
                    .map(LogIn::identity)
                    .orElseThrow(() -> {
                        stamps.forget(http);
                        return new AuthenticationFailedException("removed, or another password since");
                    }));
        }

        private boolean fits(@Nullable RoutingContext http, People.Known person) {
            return stamps.fits(http, person.name(), person.passwordHash(), person.sessionVersion());
        }
    }
}
