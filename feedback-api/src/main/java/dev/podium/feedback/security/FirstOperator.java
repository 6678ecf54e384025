package dev.podium.feedback.security;

import io.quarkus.elytron.security.common.BcryptUtil;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import java.time.Clock;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * Creates the first operator, who is the administrator, on an empty database. A password that nobody gave is made and
 * said once. Of several instances that start at once one creates, and the others see what it created.
 */
@Singleton
public class FirstOperator {
    static final String NAME = "operator";

    private static final Logger LOG = Logger.getLogger(FirstOperator.class);

    private static final long FIRST_OPERATOR_LOCK = 0x6f70657261746f72L;

    private final Optional<String> given;

    private final EntityManager entities;

    FirstOperator(EntityManager entities, @ConfigProperty(name = "podium.operator.password") Optional<String> given) {
        this.entities = entities;
        this.given = given;
    }

    @Transactional
    void create(@Observes StartupEvent start) {
        entities.createNativeQuery("select cast(pg_advisory_xact_lock(:lock) as text)", String.class)
                .setParameter("lock", FIRST_OPERATOR_LOCK)
                .getSingleResult();
        if (Person.count() > 0) {
            return;
        }
        String password = given.orElseGet(Passwords::random);
        Person person = new Person();
        person.name = NAME;
        person.administrator = true;
        person.passwordHash = BcryptUtil.bcryptHash(password);
        person.createdAt = Clock.systemUTC().instant();
        person.persist();
        if (given.isEmpty()) {
            LOG.warnf("the first operator is '%s' with password %s; it is not shown again", NAME, password);
        } else {
            LOG.infof("the first operator is '%s' with the password from podium.operator.password", NAME);
        }
    }
}
