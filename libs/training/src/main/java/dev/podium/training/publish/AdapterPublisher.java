package dev.podium.training.publish;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.AdapterManifest.ArtifactFile;
import dev.podium.contracts.AdapterManifest.ChunkLocation;
import dev.podium.contracts.RoundEvent;
import dev.podium.contracts.Topics;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactFiles;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.Manifests;
import dev.podium.contracts.adapter.StoredNames;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.StoreAwayException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes what a round made: chunks, manifest and the round's success in one transaction, so that readers see all of it
 * or nothing.
 *
 * <p>The transactional id is that of the version. A second publisher of the version therefore fences the first, or finds
 * its manifest and is refused; there is no moment in which both get through.
 */
public final class AdapterPublisher {
    private static final Logger LOG = LoggerFactory.getLogger(AdapterPublisher.class);
    private static final int FEWEST_TRANSACTION_MILLIS = 60_000;
    /** What brokers allow when nothing else is set (transaction.max.timeout.ms). */
    private static final int MOST_TRANSACTION_MILLIS = 900_000;
    /** A line slower than this cannot carry adapters. */
    private static final int SLOWEST_BYTES_PER_MILLI = 500;

    private static final int COMMIT_ATTEMPTS = 6;
    // Chunks in flight are held in memory.
    private static final int CHUNKS_IN_FLIGHT = 16;

    private final Map<String, ?> kafka;
    private final String source;
    private final RoundTraces traces;
    private final Publishing publishing;

    /** Without traces. */
    public AdapterPublisher(Map<String, ?> kafka, String source) {
        this(kafka, source, new RoundTraces(), Publishing.plain());
    }

    /** The same, signing and storing as told. */
    public AdapterPublisher(Map<String, ?> kafka, String source, Publishing publishing) {
        this(kafka, source, new RoundTraces(), publishing);
    }

    /**
     * @param source the application, e.g. {@code /policy-trainer}
     * @param traces what caused the rounds
     * @param publishing how manifests are signed and where large files go
     */
    public AdapterPublisher(Map<String, ?> kafka, String source, RoundTraces traces, Publishing publishing) {
        this.kafka = kafka;
        this.source = source;
        this.traces = traces;
        this.publishing = publishing;
    }

    /**
     * What is to be published.
     *
     * @param draft the manifest; its files carry no locations yet
     * @param folder where the files of {@code draft.files()} are
     * @param dataSet the file of {@code draft.dataSet()}
     */
    public record Publication(AdapterManifest draft, Path folder, Optional<Path> dataSet) {}

    /** How it went. */
    public enum Outcome {
        PUBLISHED,
        /** This round's result was published before: by this process before a crash, say. */
        ALREADY_PUBLISHED,
        /** Another process took the round over. */
        FENCED
    }

    /**
     * Describes the files of the folder of an adapter or a whole model, after checking that every server can load them.
     *
     * @param lora empty for a whole model
     */
    public static List<ArtifactFile> describe(
            Path folder,
            AdapterManifest.Kind kind,
            String baseModel,
            Optional<dev.podium.contracts.RoundConfig.Lora> lora)
            throws RoundFailure, IOException {
        try {
            AdapterFolder.check(folder, kind, baseModel, lora);
        } catch (ArtifactException e) {
            if (e.isNotFinite()) {
                throw new RoundFailure(
                        "not_finite",
                        e.getMessage() + "; it is not published. Lower training.learningRate or look at the data",
                        e);
            }
            throw new RoundFailure("not_servable", e.getMessage() + "; it is not published", e);
        }
        List<ArtifactFile> files = new ArrayList<>();
        for (String name : AdapterFolder.names(folder)) {
            files.add(ArtifactFiles.describe(folder.resolve(name)));
        }
        return files;
    }

    /**
     * Publishes an adapter with its round's success.
     *
     * @throws RoundFailure {@code version_taken} when another round has published the version
     * @throws KafkaException when Kafka does not answer; nothing is visible then, and the call may be repeated
     * @throws StoreAwayException when the object store does not; the same is true
     */
    public Outcome publish(Publication publication, RoundEvent.Succeeded success) throws RoundFailure, IOException {
        AdapterManifest draft = publication.draft();
        // What goes to the store goes there first, so that a transaction never waits for it. An upload whose
        // transaction fails is found and removed by the collection of what nothing refers to.
        List<ArtifactFile> placed = new ArrayList<>();
        for (ArtifactFile file : draft.files()) {
            placed.add(place(draft, file, publication.folder().resolve(file.name())));
        }
        Optional<ArtifactFile> placedData = draft.dataSet();
        if (placedData.isPresent() && publication.dataSet().isPresent()) {
            placedData = Optional.of(
                    place(draft, placedData.get(), publication.dataSet().get()));
        }
        Optional<ArtifactFile> data = placedData;
        long bytes = placed.stream().mapToLong(AdapterPublisher::bytesInChunks).sum()
                + data.map(AdapterPublisher::bytesInChunks).orElse(0L);
        return transact(draft.projectId(), draft.version(), draft.roundId(), bytes, producer -> {
            List<ArtifactFile> files = new ArrayList<>();
            for (ArtifactFile file : placed) {
                files.add(send(producer, file, publication.folder().resolve(file.name())));
            }
            Optional<ArtifactFile> dataSet = data;
            if (dataSet.isPresent() && publication.dataSet().isPresent()) {
                dataSet = Optional.of(
                        send(producer, dataSet.get(), publication.dataSet().get()));
            }
            await(producer.send(EventRecords.of(located(draft, files, dataSet), source, traces, publishing.key())));
            await(producer.send(EventRecords.of(success, source, traces)));
        });
    }

    private static long bytesInChunks(ArtifactFile file) {
        return file.location().isPresent() ? 0 : file.bytes();
    }

    /** The file as the manifest will name it: by reference when it is large and there is a store. */
    private ArtifactFile place(AdapterManifest draft, ArtifactFile file, Path path) throws IOException {
        if (publishing.store().isEmpty() || file.bytes() < publishing.referenceFromBytes()) {
            return file;
        }
        ArtifactStore store = publishing.store().get();
        // By version: an object is written by the one publisher of its version, and is nobody else's to keep.
        String name = StoredNames.artifact(draft.projectId(), draft.version(), file.sha256());
        try {
            store.put(name, path);
        } catch (IOException e) {
            throw new StoreAwayException(file.name() + " cannot be put into the object store now", e);
        }
        return file.at(store.location(name));
    }

    /** Publishes the success of a round that made no adapter. */
    public Outcome publish(RoundEvent.Succeeded success, String version) throws RoundFailure, IOException {
        return transact(
                success.projectId(),
                version,
                success.roundId(),
                0,
                producer -> await(producer.send(EventRecords.of(success, source, traces))));
    }

    private interface Writes {
        void run(Producer<byte[], byte[]> producer) throws IOException;
    }

    private Outcome transact(String projectId, String version, String roundId, long bytes, Writes writes)
            throws RoundFailure, IOException {
        try (Producer<byte[], byte[]> producer = producer(projectId, version, bytes)) {
            // Ends what another publisher of this version has begun, before looking for what it has finished.
            producer.initTransactions();
            if (isPublished(projectId, version, roundId)) {
                return Outcome.ALREADY_PUBLISHED;
            }
            producer.beginTransaction();
            boolean written = false;
            try {
                writes.run(producer);
                written = true;
            } finally {
                if (!written) {
                    abort(producer, roundId);
                }
            }
            commit(producer, roundId);
            return Outcome.PUBLISHED;
        } catch (ProducerFencedException | InvalidProducerEpochException e) {
            LOG.warn("round {}: another trainer has taken it over; this one publishes nothing", roundId);
            return Outcome.FENCED;
        } catch (KafkaException e) {
            if (e.getCause() instanceof ProducerFencedException
                    || e.getCause() instanceof InvalidProducerEpochException) {
                LOG.warn("round {}: another trainer has taken it over; this one publishes nothing", roundId);
                return Outcome.FENCED;
            }
            throw e;
        }
    }

    private boolean isPublished(String projectId, String version, String roundId) throws RoundFailure {
        try (BoundedReader reader = BoundedReader.connect(kafka)) {
            Optional<AdapterManifest> existing = Manifests.find(reader, projectId, version);
            if (existing.isEmpty()) {
                return false;
            }
            if (!existing.get().roundId().equals(roundId)) {
                throw new RoundFailure(
                        "version_taken",
                        "version " + version + " of project " + projectId + " was published by round "
                                + existing.get().roundId() + "; trigger the round again to get a new version");
            }
            return true;
        } catch (ArtifactException e) {
            throw new RoundFailure("version_taken", e.getMessage() + "; trigger the round again", e);
        }
    }

    /** A commit that got no answer may have been done: it is asked for again, never aborted. */
    private static void commit(Producer<byte[], byte[]> producer, String roundId) {
        for (int attempt = 1; ; attempt++) {
            try {
                producer.commitTransaction();
                return;
            } catch (TimeoutException e) {
                if (attempt == COMMIT_ATTEMPTS) {
                    throw e;
                }
                LOG.warn("round {}: the commit got no answer, asking again: {}", roundId, e.getMessage());
            }
        }
    }

    private Producer<byte[], byte[]> producer(String projectId, String version, long bytes) {
        Map<String, Object> properties = new HashMap<>(kafka);
        properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "podium-adapter-" + projectId + "/" + version);
        properties.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, (int)
                Math.min(MOST_TRANSACTION_MILLIS, FEWEST_TRANSACTION_MILLIS + bytes / SLOWEST_BYTES_PER_MILLI));
        properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, Topics.MAX_REQUEST_BYTES);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 30_000);
        properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 45_000);
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static ArtifactFile send(Producer<byte[], byte[]> producer, ArtifactFile file, Path path)
            throws IOException {
        if (file.location().isPresent()) {
            return file;
        }
        if (Files.size(path) != file.bytes()) {
            throw new IOException(path + " has changed since it was described");
        }
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        ArtifactFiles.forEachChunk(path, (index, chunk) -> {
            sent.add(producer.send(EventRecords.chunk(file.chunkKey(index), chunk)));
            if (index >= CHUNKS_IN_FLIGHT) {
                await(sent.get(index - CHUNKS_IN_FLIGHT));
            }
        });
        List<ChunkLocation> locations = new ArrayList<>();
        for (Future<RecordMetadata> chunk : sent) {
            RecordMetadata metadata = await(chunk);
            locations.add(new ChunkLocation(metadata.partition(), metadata.offset()));
        }
        return new ArtifactFile(file.name(), file.sha256(), file.bytes(), file.chunks(), locations);
    }

    private static RecordMetadata await(Future<RecordMetadata> sent) {
        try {
            return sent.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof KafkaException cause ? cause : new KafkaException(e.getCause());
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
    }

    private static void abort(Producer<byte[], byte[]> producer, String roundId) {
        try {
            producer.abortTransaction();
        } catch (RuntimeException e) {
            // The broker aborts it after the transaction's timeout; what failed before is what the caller hears of.
            LOG.warn("round {}: the transaction was not aborted: {}", roundId, e.toString());
            producer.close(Duration.ZERO);
        }
    }

    private static AdapterManifest located(
            AdapterManifest draft, List<ArtifactFile> files, Optional<ArtifactFile> dataSet) {
        return new AdapterManifest(
                draft.projectId(),
                draft.version(),
                draft.kind(),
                draft.roundId(),
                draft.roundKind(),
                draft.baseModel(),
                draft.config(),
                draft.lora(),
                files,
                dataSet,
                draft.rankingsUsed(),
                draft.initialAdapter(),
                draft.rewardAdapter(),
                draft.rewardGain(),
                draft.rewardBias(),
                draft.metrics(),
                draft.createdAt(),
                draft.evaluation());
    }
}
