package dev.podium.embedded.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * An OpenID Connect provider for tests: discovery, keys, the code flow with PKCE, signed tokens. Its page believes
 * whatever name it is given; whom {@code /become?sub=...&name=...} has named is logged in already, and sees no page. It
 * is another site than {@code localhost}, as the provider of an organisation is.
 */
public final class OidcServer implements AutoCloseable {
    public static final String CLIENT_ID = "podium";
    public static final String CLIENT_SECRET = "a-client-secret-of-enough-characters";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();
    private static final long TOKEN_SECONDS = 300;
    private static final String KEY_ID = "1";

    private final HttpServer server;
    private final KeyPair keys;
    private final Map<String, LogIn> logIns = new ConcurrentHashMap<>();
    private volatile @Nullable User known;

    private OidcServer(HttpServer server, KeyPair keys) {
        this.server = server;
        this.keys = keys;
    }

    private record User(String subject, String name) {}

    /** What a code stands for, once. */
    private record LogIn(User user, Map<String, String> asked) {}

    /** Starts one on a free port. */
    public static OidcServer start() throws IOException {
        KeyPair keys;
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            keys = generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has RSA", e);
        }
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        OidcServer provider = new OidcServer(server, keys);
        server.createContext("/.well-known/openid-configuration", provider::describe);
        server.createContext("/keys", provider::publicKey);
        server.createContext("/become", provider::become);
        server.createContext("/authorize", provider::authorize);
        server.createContext("/token", provider::token);
        server.start();
        return provider;
    }

    /** Its address, without a slash at the end. */
    public String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private void describe(HttpExchange exchange) throws IOException {
        json(
                exchange,
                200,
                Map.of(
                        "issuer", url(),
                        "authorization_endpoint", url() + "/authorize",
                        "token_endpoint", url() + "/token",
                        "jwks_uri", url() + "/keys",
                        "response_types_supported", List.of("code"),
                        "subject_types_supported", List.of("public"),
                        "code_challenge_methods_supported", List.of("S256"),
                        "id_token_signing_alg_values_supported", List.of("RS256")));
    }

    private void publicKey(HttpExchange exchange) throws IOException {
        RSAPublicKey key = (RSAPublicKey) keys.getPublic();
        Map<String, String> described = Map.of(
                "kty",
                "RSA",
                "kid",
                KEY_ID,
                "use",
                "sig",
                "alg",
                "RS256",
                "n",
                unsigned(key.getModulus()),
                "e",
                unsigned(key.getPublicExponent()));
        json(exchange, 200, Map.of("keys", List.of(described)));
    }

    private void become(HttpExchange exchange) throws IOException {
        Map<String, String> named = fields(exchange.getRequestURI().getRawQuery());
        known = new User(named.getOrDefault("sub", ""), named.getOrDefault("name", ""));
        json(exchange, 200, named);
    }

    private void authorize(HttpExchange exchange) throws IOException {
        if (exchange.getRequestMethod().equals("POST")) {
            Map<String, String> form = body(exchange);
            String name = form.getOrDefault("name", "");
            sendBack(exchange, new User("subject-" + name, name), fields(form.get("asked")));
            return;
        }
        User user = known;
        String asked = exchange.getRequestURI().getRawQuery();
        if (user != null) {
            sendBack(exchange, user, fields(asked));
            return;
        }
        byte[] page = """
                <!DOCTYPE html><html lang="en"><title>The organisation</title><link rel="icon" href="data:,"><main><h1>The organisation</h1>
                <form method="post" action="/authorize"><input type="hidden" name="asked" value="%s">
                <label>Who are you? <input name="name" required></label><button>Continue</button></form></main></html>
                """.formatted(
                        asked.replace("&", "&amp;").replace("\"", "&quot;").replace("<", "&lt;"))
                .getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "text/html; charset=utf-8");
        exchange.sendResponseHeaders(200, page.length);
        exchange.getResponseBody().write(page);
        exchange.close();
    }

    private void sendBack(HttpExchange exchange, User user, Map<String, String> asked) throws IOException {
        String code = UUID.randomUUID().toString();
        logIns.put(code, new LogIn(user, asked));
        exchange.getResponseHeaders()
                .add(
                        "Location",
                        asked.get("redirect_uri") + "?code=" + code + "&state="
                                + URLEncoder.encode(asked.getOrDefault("state", ""), StandardCharsets.UTF_8));
        exchange.sendResponseHeaders(302, -1);
        exchange.close();
    }

    private void token(HttpExchange exchange) throws IOException {
        Map<String, String> form = body(exchange);
        LogIn logIn = logIns.remove(form.getOrDefault("code", ""));
        String client =
                Base64.getEncoder().encodeToString((CLIENT_ID + ":" + CLIENT_SECRET).getBytes(StandardCharsets.UTF_8));
        if (!("Basic " + client).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            json(exchange, 401, Map.of("error", "invalid_client"));
        } else if (logIn == null
                || !String.valueOf(logIn.asked().get("redirect_uri")).equals(form.get("redirect_uri"))
                || !sha256(form.getOrDefault("code_verifier", ""))
                        .equals(logIn.asked().get("code_challenge"))) {
            json(exchange, 400, Map.of("error", "invalid_grant"));
        } else {
            String token = signed(logIn);
            json(
                    exchange,
                    200,
                    Map.of(
                            "access_token",
                            token,
                            "id_token",
                            token,
                            "token_type",
                            "Bearer",
                            "expires_in",
                            TOKEN_SECONDS));
        }
    }

    private String signed(LogIn logIn) throws IOException {
        long now = Instant.now().getEpochSecond();
        Map<String, Object> claims = new HashMap<>(Map.of(
                "iss",
                url(),
                "aud",
                CLIENT_ID,
                "sub",
                logIn.user().subject(),
                "preferred_username",
                logIn.user().name(),
                "iat",
                now,
                "exp",
                now + TOKEN_SECONDS));
        String nonce = logIn.asked().get("nonce");
        if (nonce != null) {
            claims.put("nonce", nonce);
        }
        String text = BASE64.encodeToString(JSON.writeValueAsBytes(Map.of("alg", "RS256", "kid", KEY_ID, "typ", "JWT")))
                + "." + BASE64.encodeToString(JSON.writeValueAsBytes(claims));
        try {
            Signature signature = Signature.getInstance("SHA256withRSA");
            signature.initSign(keys.getPrivate());
            signature.update(text.getBytes(StandardCharsets.US_ASCII));
            return text + "." + BASE64.encodeToString(signature.sign());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has RSA", e);
        }
    }

    private static String sha256(String text) {
        try {
            return BASE64.encodeToString(
                    MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static String unsigned(BigInteger number) {
        byte[] bytes = number.toByteArray();
        return BASE64.encodeToString(bytes[0] == 0 ? Arrays.copyOfRange(bytes, 1, bytes.length) : bytes);
    }

    private static Map<String, String> body(HttpExchange exchange) throws IOException {
        return fields(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
    }

    private static Map<String, String> fields(@Nullable String encoded) {
        Map<String, String> values = new HashMap<>();
        for (String pair : (encoded == null ? "" : encoded).split("&")) {
            int at = pair.indexOf('=');
            if (at > 0) {
                values.put(pair.substring(0, at), URLDecoder.decode(pair.substring(at + 1), StandardCharsets.UTF_8));
            }
        }
        return values;
    }

    private static void json(HttpExchange exchange, int status, Object body) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(body);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
