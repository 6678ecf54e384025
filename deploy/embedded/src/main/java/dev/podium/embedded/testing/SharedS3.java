package dev.podium.embedded.testing;

import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Map;
import java.util.UUID;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.nio2blob.TransientNio2BlobStore;

/**
 * An object store for tests, one per JVM: S3Proxy, which checks signatures as S3 does. Where {@code
 * PODIUM_TEST_S3_ENDPOINT}, {@code PODIUM_TEST_S3_KEY} and {@code PODIUM_TEST_S3_SECRET} are set, that server instead, with
 * a bucket {@value #BUCKET}.
 */
public final class SharedS3 {
    public static final String BUCKET = "podium-test";

    private SharedS3() {}

    /**
     * Settings of a place of its own, by the names of podium-object-store.
     *
     * @param changes take the place of what would be there
     */
    public static Map<String, String> settings(Map<String, String> changes) {
        Server server = Holder.SERVER;
        Map<String, String> settings = new java.util.HashMap<>(Map.of(
                "podium.store.url", "s3://" + BUCKET + "/" + UUID.randomUUID(),
                "podium.store.endpoint", server.endpoint().toString(),
                "podium.store.access.key.id", server.key(),
                "podium.store.secret.access.key", server.secret()));
        settings.putAll(changes);
        return settings;
    }

    private record Server(URI endpoint, String key, String secret) {}

    private static final class Holder {
        private static final Server SERVER = start();

        private static Server start() {
            String other = System.getenv("PODIUM_TEST_S3_ENDPOINT");
            if (other != null) {
                return new Server(
                        URI.create(other),
                        String.valueOf(System.getenv("PODIUM_TEST_S3_KEY")),
                        String.valueOf(System.getenv("PODIUM_TEST_S3_SECRET")));
            }
            String key = UUID.randomUUID().toString();
            String secret = UUID.randomUUID().toString();
            TransientNio2BlobStore blobs = new TransientNio2BlobStore();
            blobs.createContainer(BUCKET);
            S3Proxy proxy = S3Proxy.builder()
                    .blobStore(blobs)
                    .endpoint(URI.create("http://127.0.0.1:0"))
                    .awsAuthentication(AuthenticationType.AWS_V4, key, secret)
                    .build();
            try {
                proxy.start();
            } catch (java.io.IOException e) {
                throw new UncheckedIOException(e);
            } catch (Exception e) {
                throw new IllegalStateException("the object store for tests does not start", e);
            }
            return new Server(URI.create("http://127.0.0.1:" + proxy.getPort()), key, secret);
        }
    }
}
