package dev.podium.feedback.security;

import io.quarkus.elytron.security.common.BcryptUtil;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.transaction.Transactional;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.Base64;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** Creates the first operator on an empty database. A password that nobody gave is made and said once. */
@Singleton
public class FirstOperator {
    static final String NAME = "operator";

    private static final Logger LOG = Logger.getLogger(FirstOperator.class);

    private final Optional<String> given;

    FirstOperator(@ConfigProperty(name = "podium.operator.password") Optional<String> given) {
        this.given = given;
    }

    @Transactional
    void create(@Observes StartupEvent start) {
        if (Person.count() > 0) {
            return;
        }
        String password = given.orElseGet(FirstOperator::random);
        Person person = new Person();
        person.name = NAME;
        person.role = "operator";
        person.passwordHash = BcryptUtil.bcryptHash(password);
        person.createdAt = Clock.systemUTC().instant();
        person.persist();
        if (given.isEmpty()) {
            LOG.warnf("the first operator is '%s' with password %s; it is not shown again", NAME, password);
        } else {
            LOG.infof("the first operator is '%s' with the password from podium.operator.password", NAME);
        }
    }

    private static String random() {
        byte[] bytes = new byte[15];
        new SecureRandom().nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
