package dev.podium.feedback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.podium.embedded.testing.ServersResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import java.net.CookieManager;
import java.net.CookiePolicy;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.junit.jupiter.api.Test;

/** The whole way to a provider and back, with a provider in this process. */
@QuarkusTest
@WithTestResource(ServersResource.class)
@WithTestResource(OidcProvider.class)
@TestProfile(OidcLogInTest.WithProvider.class)
class OidcLogInTest {
    /** OpenID Connect switched on. */
    public static final class WithProvider implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("podium.oidc.enabled", "true");
        }
    }

    @ConfigProperty(name = "quarkus.oidc.people.auth-server-url")
    String provider;

    @TestHTTPResource("/")
    URI address;

    private final HttpClient browser = HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.ALWAYS)
            .cookieHandler(new CookieManager(null, CookiePolicy.ACCEPT_ALL))
            .build();

    @Test
    void whoTheProviderVouchesForHasTheSameSessionAsByPassword() throws Exception {
        String name = "ann-" + UUID.randomUUID();
        Api.operator()
                .body(Map.of("name", name, "oidc", true, "role", "labeler"))
                .post("/api/v1/users")
                .then()
                .statusCode(201);
        assertTrue(get(address.resolve("/login")).body().contains("/login/oidc"), "the log-in page offers it");
        become("subject-1", name);
        HttpResponse<String> home = get(address.resolve("/login/oidc"));
        assertEquals(200, home.statusCode());
        assertEquals("/", home.uri().getPath());
        assertTrue(home.body().contains(name), home.body());
        assertTrue(get(address.resolve("/api/v1/me")).body().contains("\"name\":\"" + name + "\""));
    }

    @Test
    void anotherSubjectUnderTheSameNameIsSomebodyElse() throws Exception {
        String name = "bob-" + UUID.randomUUID();
        Api.operator()
                .body(Map.of("name", name, "oidc", true, "role", "labeler"))
                .post("/api/v1/users")
                .then()
                .statusCode(201);
        become("subject-2", name);
        assertEquals(200, get(address.resolve("/login/oidc")).statusCode());
        browserForgets();
        become("subject-3", name);
        assertEquals(403, get(address.resolve("/login/oidc")).statusCode());
    }

    @Test
    void aNameWithAPasswordIsNotTakenOverByTheProvider() throws Exception {
        become("subject-4", "operator");
        HttpResponse<String> refused = get(address.resolve("/login/oidc"));
        assertEquals(403, refused.statusCode());
        assertTrue(refused.body().contains("Ask an administrator"), refused.body());
        assertEquals(401, get(address.resolve("/api/v1/me")).statusCode());
    }

    private void browserForgets() {
        ((CookieManager) browser.cookieHandler().orElseThrow()).getCookieStore().removeAll();
    }

    private void become(String subject, String name) throws Exception {
        get(URI.create(
                provider + "/become?sub=" + subject + "&name=" + URLEncoder.encode(name, StandardCharsets.UTF_8)));
    }

    private HttpResponse<String> get(URI uri) throws Exception {
        return browser.send(
                HttpRequest.newBuilder(uri).header("Accept", "text/html, */*").build(), BodyHandlers.ofString());
    }
}
