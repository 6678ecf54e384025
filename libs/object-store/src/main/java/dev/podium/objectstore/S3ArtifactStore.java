package dev.podium.objectstore;

import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/** An {@link ArtifactStore} in a bucket of S3, MinIO, Ceph, Garage, SeaweedFS, or whatever speaks their protocol. */
public final class S3ArtifactStore implements ArtifactStore {
    private static final Logger LOG = LoggerFactory.getLogger(S3ArtifactStore.class);
    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration SILENCE = Duration.ofSeconds(60);
    /** For one call with all its attempts, besides the time that its bytes take on a slow line. */
    private static final Duration CALL = Duration.ofMinutes(2);

    private static final long SLOW_BYTES_PER_SECOND = 64 << 10;
    /** A server may take as long to put parts together. */
    private static final Duration ASSEMBLY = Duration.ofMinutes(15);
    /** S3 takes at most 5 GB at once, and 10,000 parts: this is enough for 640 GB. */
    private static final long PART_BYTES = 64L << 20;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9%._/-]{1,1000}");
    private static final String SCHEME = "s3://";

    private final StoreSettings settings;
    private final S3Client client;
    private final long partBytes;
    private final Duration call;

    /** Connects; nothing is asked of the server yet. */
    public S3ArtifactStore(StoreSettings settings) {
        this(settings, PART_BYTES, CALL);
    }

    /** @param call the most time that a call without bytes takes */
    S3ArtifactStore(StoreSettings settings, long partBytes, Duration call) {
        this.settings = settings;
        this.partBytes = partBytes;
        this.call = call;
        S3ClientBuilder builder = S3Client.builder()
                .httpClientBuilder(UrlConnectionHttpClient.builder()
                        .connectionTimeout(CONNECT)
                        .socketTimeout(SILENCE))
                // Else a server that is silent is waited for once more with each retry.
                .overrideConfiguration(override -> override.apiCallTimeout(call))
                .forcePathStyle(settings.pathStyle())
                // What is read is verified by its sha256; other servers do not know S3's newer checksums.
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED);
        settings.endpoint().ifPresent(builder::endpointOverride);
        settings.region()
                .or(() -> settings.endpoint().map(endpoint -> "us-east-1"))
                .ifPresent(region -> builder.region(Region.of(region)));
        settings.credentials()
                .ifPresent(login -> builder.credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(login.accessKeyId(), login.secretAccessKey()))));
        this.client = builder.build();
    }

    /**
     * As an application's configuration says, see {@link StoreSettings}.
     *
     * @return empty when {@code podium.store.url} is not set
     */
    public static Optional<ArtifactStore> configured(Function<String, Optional<String>> lookup) {
        Optional<StoreSettings> settings = StoreSettings.from(lookup);
        settings.ifPresent(found -> LOG.info(
                "large artifacts and checkpoints are in {}{}",
                found.place().url(),
                found.endpoint().map(endpoint -> " at " + endpoint).orElse("")));
        return settings.map(S3ArtifactStore::new);
    }

    @Override
    public void put(String name, Path file) throws IOException {
        String key = key(name);
        try {
            if (Files.size(file) <= partBytes) {
                Duration time = timeFor(Files.size(file));
                client.putObject(
                        request -> request.bucket(settings.place().bucket())
                                .key(key)
                                .overrideConfiguration(override -> override.apiCallTimeout(time)),
                        RequestBody.fromFile(file));
            } else {
                putInParts(key, file);
            }
        } catch (SdkException e) {
            throw failure("store", name, e);
        }
    }

    private Duration timeFor(long bytes) {
        return call.plusSeconds(bytes / SLOW_BYTES_PER_SECOND);
    }

    private void putInParts(String key, Path file) throws IOException {
        String bucket = settings.place().bucket();
        String upload = client.createMultipartUpload(
                        request -> request.bucket(bucket).key(key))
                .uploadId();
        boolean done = false;
        try (InputStream in = Files.newInputStream(file)) {
            List<CompletedPart> parts = new ArrayList<>();
            long left = Files.size(file);
            while (left > 0) {
                int number = parts.size() + 1;
                byte[] part = in.readNBytes((int) Math.min(partBytes, left));
                if (part.length == 0) {
                    throw new IOException(file + " became shorter while it was stored");
                }
                left -= part.length;
                Duration time = timeFor(part.length);
                String tag = client.uploadPart(
                                request -> request.bucket(bucket)
                                        .key(key)
                                        .uploadId(upload)
                                        .partNumber(number)
                                        .overrideConfiguration(override -> override.apiCallTimeout(time)),
                                RequestBody.fromBytes(part))
                        .eTag();
                parts.add(CompletedPart.builder().partNumber(number).eTag(tag).build());
            }
            client.completeMultipartUpload(request -> request.bucket(bucket)
                    .key(key)
                    .uploadId(upload)
                    .multipartUpload(all -> all.parts(parts))
                    .overrideConfiguration(override -> override.apiCallTimeout(ASSEMBLY)));
            done = true;
        } finally {
            if (!done) {
                abort(bucket, key, upload);
            }
        }
    }

    private void abort(String bucket, String key, String upload) {
        try {
            client.abortMultipartUpload(
                    request -> request.bucket(bucket).key(key).uploadId(upload));
        } catch (SdkException e) {
            LOG.warn("half an upload of {} stays in {}: {}", key, bucket, e.getMessage());
        }
    }

    @Override
    public void get(String name, Path target, long maxBytes) throws IOException {
        StoreSettings.Place place = settings.place();
        String key;
        if (name.startsWith(SCHEME)) {
            // One of the other places, as name(location) has found it to be.
            String rest = name.substring(SCHEME.length());
            place = new StoreSettings.Place(rest.substring(0, rest.indexOf('/')), "");
            key = rest.substring(rest.indexOf('/') + 1);
        } else {
            key = key(name);
        }
        String bucket = place.bucket();
        try (InputStream in = client.getObject(request -> request.bucket(bucket).key(key));
                OutputStream out = Files.newOutputStream(target)) {
            byte[] buffer = new byte[1 << 16];
            long read = 0;
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                read += count;
                if (read > maxBytes) {
                    throw new IOException(name + " has more than " + maxBytes + " bytes in the object store");
                }
                out.write(buffer, 0, count);
            }
        } catch (NoSuchKeyException e) {
            throw new NoSuchFileException(name);
        } catch (SdkException e) {
            throw failure("fetch", name, e);
        }
    }

    @Override
    public List<Stored> list(String prefix) throws IOException {
        String from = settings.place().prefix() + prefix;
        try {
            List<Stored> all = new ArrayList<>();
            for (S3Object object : client.listObjectsV2Paginator(
                            request -> request.bucket(settings.place().bucket()).prefix(from))
                    .contents()) {
                all.add(new Stored(
                        object.key().substring(settings.place().prefix().length()),
                        object.size(),
                        object.lastModified()));
            }
            return all;
        } catch (SdkException e) {
            throw failure("list", prefix, e);
        }
    }

    @Override
    public void delete(String name) throws IOException {
        String key = key(name);
        try {
            client.deleteObject(
                    request -> request.bucket(settings.place().bucket()).key(key));
        } catch (SdkException e) {
            throw failure("delete", name, e);
        }
    }

    @Override
    public String location(String name) {
        return settings.place().url() + name;
    }

    @Override
    public String name(String location) throws ArtifactException {
        String own = settings.place().url();
        if (location.startsWith(own) && isPlain(location.substring(own.length()))) {
            return location.substring(own.length());
        }
        for (StoreSettings.Place other : settings.alsoRead()) {
            if (location.startsWith(other.url())
                    && isPlain(location.substring(other.url().length()))) {
                return location;
            }
        }
        throw new ArtifactException("its manifest points to " + printable(location) + "; this application reads from "
                + own + " only (podium.store.url, podium.store.also.read)");
    }

    private String key(String name) throws IOException {
        if (!isPlain(name)) {
            throw new IOException(printable(name) + " is no name of an object");
        }
        return settings.place().prefix() + name;
    }

    /** Servers differ in what they make of dots, empty parts and control characters: there are none. */
    private static boolean isPlain(String name) {
        if (!NAME.matcher(name).matches()) {
            return false;
        }
        for (String part : name.split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..")) {
                return false;
            }
        }
        return true;
    }

    private static String printable(String text) {
        String plain = text.replaceAll("[^\\x21-\\x7e]", "?");
        return plain.length() <= 200 ? plain : plain.substring(0, 200) + "...";
    }

    private IOException failure(String what, String name, SdkException e) {
        String why = e instanceof S3Exception s3 && s3.statusCode() > 0
                ? "HTTP " + s3.statusCode() + " "
                        + (s3.awsErrorDetails() == null
                                ? ""
                                : s3.awsErrorDetails().errorCode())
                : String.valueOf(e.getMessage());
        return new IOException(
                "the object store at " + settings.place().url() + " does not " + what + " " + name + ": " + why, e);
    }

    @Override
    public void close() {
        client.close();
    }
}
