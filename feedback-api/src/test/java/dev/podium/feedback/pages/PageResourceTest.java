package dev.podium.feedback.pages;

import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.not;

import dev.podium.embedded.testing.ServersResource;
import dev.podium.feedback.security.CsrfTokens;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.security.TestSecurity;
import jakarta.inject.Inject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
@WithTestResource(ServersResource.class)
class PageResourceTest {
    @Inject
    CsrfTokens tokens;

    @Test
    void theLogInPageNeedsNoLogIn() {
        given().get("/login")
                .then()
                .statusCode(200)
                .body(containsString("action=\"/login\""))
                .body(not(containsString("csrf-token")))
                .body(not(containsString("is not right")));
        given().get("/login?error=true").then().statusCode(200).body(containsString("is not right"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "/label/any", "/console", "/console/any", "/console/any/rounds/any"})
    void everyOtherPageLeadsToTheLogIn(String page) {
        given().redirects()
                .follow(false)
                .header("Accept", "text/html")
                .get(page)
                .then()
                .statusCode(302)
                .header("Location", containsString("/login"));
    }

    @Test
    @TestSecurity(user = "mira", roles = "labeler")
    void aLabelersPageCarriesTheLabelersToken() {
        given().get("/label/support")
                .then()
                .statusCode(200)
                .body(containsString("data-project=\"support\""))
                .body(containsString("content=\"" + tokens.tokenOf("mira") + "\""))
                .body(not(containsString("href=\"/console\"")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/console", "/console/support", "/console/support/rounds/1"})
    @TestSecurity(user = "mira", roles = "labeler")
    void theConsoleIsNotForLabelers(String page) {
        given().get(page).then().statusCode(403).body(containsString("is for operators"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "/label/support", "/console", "/console/support", "/console/support/rounds/1"})
    @TestSecurity(user = "olga", roles = "operator")
    void anOperatorSeesEveryPage(String page) {
        given().get(page).then().statusCode(200).body(containsString("href=\"/console\""));
    }

    @Test
    @TestSecurity(user = "mira", roles = "labeler")
    void aProjectsNameInTheAddressIsText() {
        given().urlEncodingEnabled(false)
                .get("/label/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")
                .then()
                .body(not(containsString("<script>alert")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/login", "/web/podium.css", "/web/label.js"})
    void everythingComesWithAStrictPolicy(String path) {
        given().get(path)
                .then()
                .statusCode(200)
                .header("Content-Security-Policy", PageHeaders.CONTENT_SECURITY_POLICY)
                .header("X-Content-Type-Options", "nosniff")
                .header("Referrer-Policy", "no-referrer");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/webjars/sortablejs/modular/sortable.esm.js",
                "/webjars/uplot/dist/uPlot.esm.js",
                "/webjars/uplot/dist/uPlot.min.css"
            })
    void librariesComeFromHereWithoutTheirVersionInTheAddress(String path) {
        given().get(path).then().statusCode(200);
    }

    @Test
    @TestSecurity(user = "mira", roles = "labeler")
    void nobodyElseCanLogOneOut() {
        given().post("/logout").then().statusCode(403);
        given().header(CsrfTokens.HEADER, tokens.tokenOf("other"))
                .post("/logout")
                .then()
                .statusCode(403);
        given().header(CsrfTokens.HEADER, tokens.tokenOf("mira"))
                .post("/logout")
                .then()
                .statusCode(204);
    }
}
