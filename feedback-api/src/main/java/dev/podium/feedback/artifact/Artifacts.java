package dev.podium.feedback.artifact;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.adapter.ArtifactStore;
import dev.podium.contracts.adapter.StoredNames;
import dev.podium.feedback.kafka.KafkaAccess;
import dev.podium.feedback.rest.Refusal;
import dev.podium.objectstore.S3ArtifactStore;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.kafka.common.KafkaException;
import org.eclipse.microprofile.config.Config;

/** The object store, when one is configured, and the removal of what nothing needs. */
@Singleton
public class Artifacts {
    private static final int RUNS_SHOWN = 20;

    private final EntityManager entities;
    private final KafkaAccess kafka;
    private final Optional<ArtifactStore> store;
    private final ReentrantLock atWork = new ReentrantLock();

    Artifacts(EntityManager entities, KafkaAccess kafka, Config config) {
        this.entities = entities;
        this.kafka = kafka;
        this.store = S3ArtifactStore.configured(name -> config.getOptionalValue(name, String.class));
    }

    @PreDestroy
    void close() {
        store.ifPresent(ArtifactStore::close);
    }

    /** Where large artifacts are. */
    public Optional<ArtifactStore> store() {
        return store;
    }

    /**
     * One collection.
     *
     * @param chunks what was found in Kafka
     * @param garbageObjects names in the object store that nothing needs, older than the grace time
     */
    public record Collection(
            boolean dryRun,
            double graceHours,
            ChunkCollector.Result chunks,
            List<String> garbageObjects,
            long garbageObjectBytes,
            String startedBy,
            Instant endedAt) {}

    /** Removes what no manifest needs, or tells what would be removed. */
    public Collection collect(Duration grace, boolean dryRun, String by) {
        if (!atWork.tryLock()) {
            throw new Refusal(409, "collection_at_work", "A collection is at work already; wait for its end.");
        }
        try {
            Set<String> retired = retired();
            ChunkCollector.Result chunks =
                    new ChunkCollector(kafka.clientConfiguration()).collect(retired, grace, dryRun);
            List<ArtifactStore.Stored> objects = store.isPresent() ? garbage(store.get(), retired, grace) : List.of();
            if (!dryRun) {
                for (ArtifactStore.Stored object : objects) {
                    store.orElseThrow().delete(object.name());
                }
            }
            Collection done = new Collection(
                    dryRun,
                    grace.toMillis() / 3_600_000.0,
                    chunks,
                    objects.stream().map(ArtifactStore.Stored::name).toList(),
                    objects.stream().mapToLong(ArtifactStore.Stored::bytes).sum(),
                    by,
                    Clock.systemUTC().instant());
            QuarkusTransaction.requiringNew().run(() -> remember(done));
            return done;
        } catch (KafkaException e) {
            throw new Refusal(503, "kafka_away", "Nothing was removed: " + e.getMessage());
        } catch (IOException e) {
            throw new Refusal(503, "store_away", "The object store does not do it now: " + e.getMessage());
        } finally {
            atWork.unlock();
        }
    }

    /** Newest first. */
    public List<Collection> runs() {
        List<Collection> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select body from artifact_collection order by id desc limit " + RUNS_SHOWN, String.class)
                .getResultList()) {
            try {
                all.add(EventJson.read(((String) body).getBytes(StandardCharsets.UTF_8), Collection.class));
            } catch (InvalidEventException e) {
                throw new IllegalStateException("a stored collection cannot be read", e);
            }
        }
        return all;
    }

    private void remember(Collection done) {
        entities.createNativeQuery("insert into artifact_collection (started_by, ended_at, body) values (:u, :e, :b)")
                .setParameter("u", done.startedBy())
                .setParameter("e", done.endedAt())
                .setParameter("b", EventJson.writeText(done))
                .executeUpdate();
    }

    private Set<String> retired() {
        return QuarkusTransaction.requiringNew().call(() -> {
            Set<String> keys = new HashSet<>();
            for (Object row : entities.createNativeQuery("select project_id, version from adapter_retired")
                    .getResultList()) {
                Object[] values = (Object[]) row;
                keys.add(AdapterManifest.key((String) values[0], (String) values[1]));
            }
            return keys;
        });
    }

    /**
     * Objects are listed before manifests are asked for, and one is written by the one publisher of its version only:
     * within the grace time its manifest comes, or never.
     */
    private List<ArtifactStore.Stored> garbage(ArtifactStore from, Set<String> retired, Duration grace)
            throws IOException {
        Instant youngest = Instant.now().minus(grace);
        List<ArtifactStore.Stored> objects = new ArrayList<>(from.list(StoredNames.ARTIFACTS));
        Set<String> needed = new HashSet<>();
        for (AdapterManifest manifest : ManifestLog.all(kafka)) {
            boolean kept = !retired.contains(manifest.key());
            if (kept) {
                manifest.files().forEach(file -> file.location().ifPresent(needed::add));
            }
            manifest.dataSet().flatMap(AdapterManifest.ArtifactFile::location).ifPresent(needed::add);
        }
        objects.removeIf(object -> needed.contains(from.location(object.name()))
                || object.modified().isAfter(youngest));
        return objects;
    }
}
