package dev.podium.embedded.testing;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;

/**
 * Gives a Quarkus test its broker and database: {@code @QuarkusTestResource(ServersResource.class)} or
 * {@code @WithTestResource(ServersResource.class)}. Both live as long as the JVM, whatever restarts the application.
 */
public final class ServersResource implements QuarkusTestResourceLifecycleManager {
    @Override
    public Map<String, String> start() {
        Map<String, String> configuration = new HashMap<>(sharedConfiguration());
        configuration.put("podium.topics.partitions", "3");
        configuration.put("podium.topics.replication", "1");
        return configuration;
    }

    @Override
    public void stop() {
        // The servers are shared with the tests still to come.
    }

    /**
     * Quarkus loads this class anew for each application it starts, and closes that loader in the end; the servers live
     * in the JVM's own class loader.
     */
    @SuppressWarnings("unchecked")
    private static Map<String, String> sharedConfiguration() {
        try {
            Method method = ClassLoader.getSystemClassLoader()
                    .loadClass("dev.podium.embedded.testing.SharedServers")
                    .getDeclaredMethod("configuration");
            method.setAccessible(true);
            return (Map<String, String>) method.invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot start the servers for the tests", e);
        }
    }
}
