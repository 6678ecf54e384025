package dev.podium.feedback;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** An OpenID Connect provider with one user, who is whoever the test says: discovery, keys, code flow, signed tokens. */
public final class OidcProvider implements QuarkusTestResourceLifecycleManager {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    private final HttpServer server;
    private final KeyPair keys;
    private volatile Map<String, String> user = Map.of();

    public OidcProvider() throws IOException, GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        keys = generator.generateKeyPair();
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    }

    private String url() {
        return "http://localhost:" + server.getAddress().getPort();
    }

    @Override
    public Map<String, String> start() {
        server.createContext(
                "/.well-known/openid-configuration",
                exchange -> json(
                        exchange,
                        Map.of(
                                "issuer", url(),
                                "authorization_endpoint", url() + "/authorize",
                                "token_endpoint", url() + "/token",
                                "jwks_uri", url() + "/keys",
                                "response_types_supported", List.of("code"),
                                "subject_types_supported", List.of("public"),
                                "id_token_signing_alg_values_supported", List.of("RS256"))));
        server.createContext("/keys", exchange -> {
            RSAPublicKey key = (RSAPublicKey) keys.getPublic();
            json(
                    exchange,
                    Map.of(
                            "keys",
                            List.of(Map.of(
                                    "kty",
                                    "RSA",
                                    "kid",
                                    "1",
                                    "use",
                                    "sig",
                                    "alg",
                                    "RS256",
                                    "n",
                                    unsigned(key.getModulus()),
                                    "e",
                                    unsigned(key.getPublicExponent())))));
        });
        server.createContext("/become", exchange -> {
            user = query(exchange.getRequestURI().getRawQuery());
            json(exchange, user);
        });
        server.createContext("/authorize", exchange -> {
            Map<String, String> asked = query(exchange.getRequestURI().getRawQuery());
            exchange.getResponseHeaders()
                    .add("Location", asked.get("redirect_uri") + "?code=a-code&state=" + asked.get("state"));
            exchange.sendResponseHeaders(302, -1);
            exchange.close();
        });
        server.createContext("/token", exchange -> {
            Map<String, String> form =
                    query(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            if (!"a-code".equals(form.get("code"))) {
                exchange.sendResponseHeaders(400, -1);
                exchange.close();
                return;
            }
            String token = token();
            json(exchange, Map.of("access_token", token, "id_token", token, "token_type", "Bearer", "expires_in", 300));
        });
        server.start();
        return Map.of(
                "quarkus.oidc.people.auth-server-url", url(),
                "quarkus.oidc.people.client-id", "podium",
                "quarkus.oidc.people.credentials.secret", "a-client-secret-of-enough-characters");
    }

    private String token() {
        long now = Instant.now().getEpochSecond();
        try {
            String head =
                    BASE64.encodeToString(JSON.writeValueAsBytes(Map.of("alg", "RS256", "kid", "1", "typ", "JWT")));
            String body = BASE64.encodeToString(JSON.writeValueAsBytes(Map.of(
                    "iss",
                    url(),
                    "aud",
                    "podium",
                    "sub",
                    user.get("sub"),
                    "preferred_username",
                    user.get("name"),
                    "iat",
                    now,
                    "exp",
                    now + 300)));
            Signature signature = Signature.getInstance("SHA256withRSA");
            signature.initSign(keys.getPrivate());
            signature.update((head + "." + body).getBytes(StandardCharsets.US_ASCII));
            return head + "." + body + "." + BASE64.encodeToString(signature.sign());
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String unsigned(BigInteger number) {
        byte[] bytes = number.toByteArray();
        return BASE64.encodeToString(bytes[0] == 0 ? java.util.Arrays.copyOfRange(bytes, 1, bytes.length) : bytes);
    }

    private static Map<String, String> query(String text) {
        Map<String, String> values = new HashMap<>();
        for (String pair : text.split("&")) {
            int at = pair.indexOf('=');
            values.put(pair.substring(0, at), URLDecoder.decode(pair.substring(at + 1), StandardCharsets.UTF_8));
        }
        return values;
    }

    private static void json(HttpExchange exchange, Object body) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(body);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Override
    public void stop() {
        server.stop(0);
    }
}
