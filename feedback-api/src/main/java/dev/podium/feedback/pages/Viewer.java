package dev.podium.feedback.pages;

import dev.podium.feedback.security.Access;
import dev.podium.feedback.security.CsrfTokens;
import io.quarkus.security.identity.SecurityIdentity;

/**
 * Who looks at a page.
 *
 * @param operator whether the console is offered
 * @param administrator whether people and new projects are offered
 * @param csrfToken what the page's scripts send with each change
 */
public record Viewer(String name, boolean operator, boolean administrator, String csrfToken) {
    static Viewer of(SecurityIdentity identity, CsrfTokens tokens) {
        String name = identity.getPrincipal().getName();
        return new Viewer(
                name, identity.hasRole("operator"), Access.of(identity).administrator(), tokens.tokenOf(name));
    }
}
