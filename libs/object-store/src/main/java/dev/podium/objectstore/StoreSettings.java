package dev.podium.objectstore;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Where the object store is.
 *
 * @param place bucket and prefix of everything that is written ({@code podium.store.url}, {@code s3://BUCKET/PREFIX})
 * @param endpoint of a server that is not Amazon's ({@code podium.store.endpoint})
 * @param region ({@code podium.store.region}); empty: as the SDK finds it, {@code us-east-1} with an endpoint
 * @param pathStyle whether the bucket stands in the path ({@code podium.store.path.style}; true with an endpoint)
 * @param credentials ({@code podium.store.access.key.id}, {@code podium.store.secret.access.key}); empty: as the SDK finds
 *     them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, the role of the pod or the machine
 * @param alsoRead other places that a manifest may point to, e.g. the bucket before a move ({@code podium.store.also.read},
 *     separated by commas)
 */
public record StoreSettings(
        Place place,
        Optional<URI> endpoint,
        Optional<String> region,
        boolean pathStyle,
        Optional<Credentials> credentials,
        List<Place> alsoRead) {
    public StoreSettings {
        alsoRead = List.copyOf(alsoRead);
    }

    /** A key and its secret. */
    public record Credentials(String accessKeyId, String secretAccessKey) {
        @Override
        public String toString() {
            return "Credentials[" + accessKeyId + "]";
        }
    }

    /**
     * A bucket and what names in it begin with.
     *
     * @param prefix empty, or with a slash at its end
     */
    public record Place(String bucket, String prefix) {
        private static final String SCHEME = "s3://";

        /** @throws IllegalArgumentException when it is no {@code s3://BUCKET/PREFIX} */
        public static Place of(String url) {
            String text = url.strip();
            if (!text.matches("s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?")) {
                throw new IllegalArgumentException(
                        "podium.store.url must be s3://BUCKET or s3://BUCKET/PREFIX, not " + url);
            }
            String rest = text.substring(SCHEME.length());
            int slash = rest.indexOf('/');
            String prefix = slash < 0 ? "" : rest.substring(slash + 1).replaceAll("/+$", "");
            if (List.of(prefix.split("/", -1)).stream().anyMatch(part -> part.equals("..") || part.equals("."))) {
                throw new IllegalArgumentException("podium.store.url has a dot segment: " + url);
            }
            return new Place(slash < 0 ? rest : rest.substring(0, slash), prefix.isEmpty() ? "" : prefix + "/");
        }

        String url() {
            return SCHEME + bucket + "/" + prefix;
        }
    }

    /**
     * From an application's configuration.
     *
     * @return empty when {@code podium.store.url} is not set
     * @throws IllegalArgumentException naming what is wrong
     */
    public static Optional<StoreSettings> from(Function<String, Optional<String>> lookup) {
        Function<String, Optional<String>> setting =
                name -> lookup.apply("podium.store." + name).map(String::strip).filter(text -> !text.isEmpty());
        Optional<String> url = setting.apply("url");
        if (url.isEmpty()) {
            return Optional.empty();
        }
        Optional<URI> endpoint = setting.apply("endpoint").map(URI::create);
        Optional<String> id = setting.apply("access.key.id");
        Optional<String> secret = setting.apply("secret.access.key");
        if (id.isPresent() != secret.isPresent()) {
            throw new IllegalArgumentException(
                    "half a log-in: podium.store.access.key.id and podium.store.secret.access.key go together");
        }
        List<Place> alsoRead = new ArrayList<>();
        for (String other : setting.apply("also.read").orElse("").split(",")) {
            if (!other.isBlank()) {
                alsoRead.add(Place.of(other));
            }
        }
        return Optional.of(new StoreSettings(
                Place.of(url.get()),
                endpoint,
                setting.apply("region"),
                setting.apply("path.style").map(Boolean::parseBoolean).orElse(endpoint.isPresent()),
                id.map(key -> new Credentials(key, secret.orElseThrow())),
                alsoRead));
    }
}
