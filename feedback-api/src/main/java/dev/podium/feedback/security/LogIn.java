package dev.podium.feedback.security;

import io.quarkus.elytron.security.common.BcryptUtil;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.AuthenticationRequestContext;
import io.quarkus.security.identity.IdentityProvider;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.identity.request.TrustedAuthenticationRequest;
import io.quarkus.security.identity.request.UsernamePasswordAuthenticationRequest;
import io.quarkus.security.runtime.QuarkusPrincipal;
import io.quarkus.security.runtime.QuarkusSecurityIdentity;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Map;
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

    LogIn() {
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
        return context.runBlocking(() ->
                check(request.getUsername(), new String(request.getPassword().getPassword())));
    }

    private SecurityIdentity check(String name, String password) {
        Person person = find(name);
        if (person == null) {
            BcryptUtil.matches(password, NOBODY);
            throw new AuthenticationFailedException("unknown name or wrong password");
        }
        byte[] mac = mac(name + "\n" + password);
        Verified before = verified.get(name);
        boolean known = before != null
                && before.bcrypt().equals(person.passwordHash)
                && MessageDigest.isEqual(before.mac(), mac);
        if (!known) {
            if (!BcryptUtil.matches(password, person.passwordHash)) {
                throw new AuthenticationFailedException("unknown name or wrong password");
            }
            if (verified.size() >= MAX_REMEMBERED) {
                verified.clear();
            }
            verified.put(name, new Verified(person.passwordHash, mac));
        }
        return identity(person);
    }

    static @Nullable Person find(String name) {
        if (name.indexOf('\0') >= 0) {
            // PostgreSQL would not take it, and nobody is called so.
            return null;
        }
        return QuarkusTransaction.requiringNew().call(() -> Person.<Person>findById(name));
    }

    static SecurityIdentity identity(Person person) {
        QuarkusSecurityIdentity.Builder builder =
                QuarkusSecurityIdentity.builder().setPrincipal(new QuarkusPrincipal(person.name));
        builder.addRole(person.role);
        if (person.role.equals("operator")) {
            // Operators may do what labelers do.
            builder.addRole("labeler");
        }
        return builder.build();
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

    /** Accepts who comes with a session cookie, as long as the person is still there. */
    @ApplicationScoped
    public static class OfSession implements IdentityProvider<TrustedAuthenticationRequest> {
        @Override
        public Class<TrustedAuthenticationRequest> getRequestType() {
            return TrustedAuthenticationRequest.class;
        }

        @Override
        public Uni<SecurityIdentity> authenticate(
                TrustedAuthenticationRequest request, AuthenticationRequestContext context) {
            return context.runBlocking(() -> {
                Person person = find(request.getPrincipal());
                if (person == null) {
                    throw new AuthenticationFailedException("this person was removed");
                }
                return identity(person);
            });
        }
    }
}
