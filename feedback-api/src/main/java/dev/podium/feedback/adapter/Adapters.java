package dev.podium.feedback.adapter;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.DataSetLine;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.PreferenceSet.RankingUsed;
import dev.podium.contracts.RoundKind;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.adapter.ManifestTrust;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.feedback.artifact.Artifacts;
import dev.podium.feedback.kafka.KafkaAccess;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.kafka.common.KafkaException;
import org.eclipse.microprofile.config.Config;

/** Published adapters and where they come from. */
@Singleton
public class Adapters {
    private final EntityManager entities;
    private final KafkaAccess kafka;
    /** By the data set's sha256: its content never changes. */
    private final Map<String, Map<String, Long>> rankingsByLabeler = new ConcurrentHashMap<>();

    private final Artifacts artifacts;
    private final ManifestTrust trust;

    Adapters(EntityManager entities, KafkaAccess kafka, Artifacts artifacts, Config config) {
        this.entities = entities;
        this.kafka = kafka;
        this.artifacts = artifacts;
        this.trust = ManifestTrust.configured(config.getOptionalValue(ManifestTrust.SETTING, String.class));
    }

    /**
     * Whether services that trust the same keys would take a manifest.
     *
     * @param keyId that has signed it
     * @param checked whether keys are configured; where they are not, all is trusted
     */
    public record Signed(Optional<String> keyId, boolean checked, boolean trusted, Optional<String> problem) {}

    /** Looks at the signature of a version. */
    Signed signature(String project, String version) {
        List<?> rows = entities.createNativeQuery(
                        "select body, coalesce(signature, '') from adapter where project_id = :p and version = :v")
                .setParameter("p", project)
                .setParameter("v", version)
                .getResultList();
        if (rows.isEmpty()) {
            throw Refusal.notFound("Adapter " + version);
        }
        Object[] row = (Object[]) rows.getFirst();
        Optional<String> signature = Optional.of((String) row[1]).filter(text -> !text.isEmpty());
        Optional<String> keyId = signature
                .map(text -> text.split(" ", -1))
                .filter(p -> p.length == 3)
                .map(p -> p[1]);
        try {
            trust.check(
                    AdapterManifest.key(project, version),
                    ((String) row[0]).getBytes(StandardCharsets.UTF_8),
                    signature);
            return new Signed(keyId, trust.isRequired(), true, Optional.empty());
        } catch (ArtifactException e) {
            return new Signed(keyId, true, false, Optional.of(String.valueOf(e.getMessage())));
        } catch (IOException e) {
            throw new Refusal(503, "keys_away", "The trusted keys cannot be read: " + e.getMessage());
        }
    }

    /** Newest first; must run in a transaction. */
    public List<AdapterManifest> list(String project) {
        List<AdapterManifest> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select body from adapter where project_id = :p order by created_at desc", String.class)
                .setParameter("p", project)
                .getResultList()) {
            all.add(read((String) body));
        }
        return all;
    }

    /** One of them; must run in a transaction. */
    public Optional<AdapterManifest> find(String project, String version) {
        List<?> found = entities.createNativeQuery(
                        "select body from adapter where project_id = :p and version = :v", String.class)
                .setParameter("p", project)
                .setParameter("v", version)
                .getResultList();
        return found.isEmpty() ? Optional.empty() : Optional.of(read((String) found.getFirst()));
    }

    private static AdapterManifest read(String body) {
        try {
            return EventJson.read(body.getBytes(StandardCharsets.UTF_8), AdapterManifest.class);
        } catch (InvalidEventException e) {
            throw new IllegalStateException("a stored manifest cannot be read", e);
        }
    }

    /**
     * From an adapter back to labelers.
     *
     * @param rankings each ranking of the round's data set, once, with its place in the log
     * @param labelers name to number of rankings
     * @param rounds the round, then those whose adapters it continued or was scored by, and theirs in turn
     */
    public record Lineage(
            String version,
            String round,
            Optional<AdapterManifest.ArtifactFile> dataSet,
            List<Used> rankings,
            List<LabelerShare> labelers,
            Map<String, String> parents,
            List<Ancestor> rounds) {}

    /**
     * A round that an adapter goes back to.
     *
     * @param usedAs {@code this}, or what the adapter of this version is to another: {@code initial adapter of v4}
     * @param dataSetSha256 absent where the round read no rankings
     */
    public record Ancestor(
            String version,
            String usedAs,
            String round,
            RoundKind kind,
            Instant at,
            long rankings,
            Optional<String> dataSetSha256) {}

    /** One ranking that the adapter learnt from. */
    public record Used(String topic, int partition, long offset, String labelerId, String taskId, int revision) {}

    /** How many of the rankings are one labeler's. */
    public record LabelerShare(String labelerId, long rankings) {}

    /** Reads the round's data set from its chunks. */
    Lineage lineage(AdapterManifest manifest) {
        List<Used> rankings = new ArrayList<>();
        Map<String, Long> labelers = new TreeMap<>();
        if (manifest.dataSet().isPresent()) {
            readDataSet(manifest.dataSet().get(), line -> {
                for (RankingUsed used : line.set().rankings()) {
                    rankings.add(new Used(
                            used.topic(),
                            used.partition(),
                            used.offset(),
                            used.labelerId(),
                            line.set().taskId(),
                            used.revision()));
                    labelers.merge(used.labelerId(), 1L, Long::sum);
                }
            });
        }
        Map<String, String> parents = new LinkedHashMap<>();
        manifest.initialAdapter().ifPresent(v -> parents.put("initialAdapter", v));
        manifest.rewardAdapter().ifPresent(v -> parents.put("rewardAdapter", v));
        return new Lineage(
                manifest.version(),
                manifest.roundId(),
                manifest.dataSet(),
                rankings,
                labelers.entrySet().stream()
                        .map(e -> new LabelerShare(e.getKey(), e.getValue()))
                        .toList(),
                parents,
                QuarkusTransaction.requiringNew().call(() -> ancestors(manifest)));
    }

    /** The whole chain, nearest first, each version once. */
    private List<Ancestor> ancestors(AdapterManifest manifest) {
        Map<String, Ancestor> all = new LinkedHashMap<>();
        Deque<AdapterManifest> open = new ArrayDeque<>(List.of(manifest));
        all.put(manifest.version(), ancestor(manifest, "this"));
        while (!open.isEmpty()) {
            AdapterManifest child = open.remove();
            Map<String, String> parents = new LinkedHashMap<>();
            child.initialAdapter().ifPresent(v -> parents.put(v, "initial adapter of " + child.version()));
            child.rewardAdapter().ifPresent(v -> parents.put(v, "reward adapter of " + child.version()));
            parents.forEach((version, usedAs) -> {
                Optional<AdapterManifest> parent = find(manifest.projectId(), version);
                if (parent.isPresent() && !all.containsKey(version)) {
                    all.put(version, ancestor(parent.get(), usedAs));
                    open.add(parent.get());
                }
            });
        }
        return List.copyOf(all.values());
    }

    private static Ancestor ancestor(AdapterManifest manifest, String usedAs) {
        return new Ancestor(
                manifest.version(),
                usedAs,
                manifest.roundId(),
                manifest.roundKind(),
                manifest.createdAt(),
                manifest.rankingsUsed(),
                manifest.dataSet().map(AdapterManifest.ArtifactFile::sha256));
    }

    /**
     * An adapter that learnt from a labeler.
     *
     * @param rankings of the labeler in its own data set; 0 where it learnt through another adapter only
     * @param through adapters that it continued or was scored by, and that learnt from the labeler
     */
    public record Affected(String version, AdapterManifest.Kind kind, long rankings, List<String> through) {}

    /** All adapters of a project that learnt from a labeler, directly or through one another; the oldest first. */
    public List<Affected> affectedBy(String labeler, List<AdapterManifest> newestFirst) {
        Map<String, Affected> affected = new LinkedHashMap<>();
        for (AdapterManifest manifest : newestFirst.reversed()) {
            long rankings = manifest.dataSet()
                    .map(file -> rankingsByLabeler.computeIfAbsent(file.sha256(), sha -> count(file)))
                    .map(counts -> counts.getOrDefault(labeler, 0L))
                    .orElse(0L);
            List<String> through = Stream.of(manifest.initialAdapter(), manifest.rewardAdapter())
                    .flatMap(Optional::stream)
                    .filter(affected::containsKey)
                    .toList();
            if (rankings > 0 || !through.isEmpty()) {
                affected.put(manifest.version(), new Affected(manifest.version(), manifest.kind(), rankings, through));
            }
        }
        return List.copyOf(affected.values());
    }

    private Map<String, Long> count(AdapterManifest.ArtifactFile file) {
        Map<String, Long> counts = new HashMap<>();
        readDataSet(file, line -> line.set().rankings().forEach(used -> counts.merge(used.labelerId(), 1L, Long::sum)));
        return Map.copyOf(counts);
    }

    /** Puts a file together from its chunks, verified; whoever asks deletes it. */
    Path fetch(AdapterManifest manifest, String name) {
        AdapterManifest.ArtifactFile wanted = manifest.files().stream()
                .filter(file -> file.name().equals(name))
                .findFirst()
                .orElseThrow(() -> Refusal.notFound("File " + name + " of adapter " + manifest.version()));
        Path target = null;
        boolean fetched = false;
        try (BoundedReader reader = kafka.reader()) {
            target = Files.createTempFile("podium-adapter-", ".part");
            new ArtifactReader(reader, artifacts.store()).fetch(wanted, target);
            fetched = true;
            return target;
        } catch (ArtifactException e) {
            throw new Refusal(
                    502,
                    "adapter_damaged",
                    "The file cannot be put together: " + e.getMessage() + "; run the round again.");
        } catch (IOException | KafkaException e) {
            throw new Refusal(503, "kafka_away", "The file cannot be read now: " + e.getMessage() + "; try again.");
        } finally {
            if (!fetched) {
                delete(target);
            }
        }
    }

    /** Line by line: the prompts and outputs of a data set need not fit in memory together. */
    private void readDataSet(AdapterManifest.ArtifactFile file, Consumer<DataSetLine> each) {
        Path target = null;
        try (BoundedReader reader = kafka.reader()) {
            target = Files.createTempFile("podium-data-set", ".jsonl");
            new ArtifactReader(reader, artifacts.store()).fetch(file, target);
            try (BufferedReader in = Files.newBufferedReader(target)) {
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    // Records or other lines of a data set that are no preference sets carry no rankings.
                    if (line.contains("\"set\"")) {
                        each.accept(EventJson.read(line.getBytes(StandardCharsets.UTF_8), DataSetLine.class));
                    }
                }
            }
        } catch (ArtifactException | InvalidEventException e) {
            throw new Refusal(502, "data_set_damaged", "The data set cannot be read from Kafka: " + e.getMessage());
        } catch (IOException | KafkaException e) {
            throw new Refusal(503, "kafka_away", "The data set cannot be read now: " + e.getMessage());
        } finally {
            delete(target);
        }
    }

    /** The data set of an adapter in a file that the caller deletes: as it is stored, or made anew from the logs. */
    Path dataSet(AdapterManifest manifest, boolean fromLogs) {
        AdapterManifest.ArtifactFile file = manifest.dataSet()
                .orElseThrow(() -> Refusal.notFound("A data set of " + manifest.version()
                        + ", which learnt from what its round brought along; it"));
        Path stored = null;
        Path rebuilt = null;
        boolean done = false;
        try (BoundedReader reader = kafka.reader()) {
            stored = Files.createTempFile("podium-data-set", ".jsonl");
            new ArtifactReader(reader).fetch(file, stored);
            if (!fromLogs) {
                done = true;
                return stored;
            }
            rebuilt = Files.createTempFile("podium-data-set", ".rebuilt.jsonl");
            DataSetRebuild.Report report = DataSetRebuild.rebuild(reader, stored, rebuilt);
            org.jboss.logging.Logger.getLogger(Adapters.class)
                    .infof(
                            "data set of %s rebuilt: %d sets from %s, %d from the rankings, sha256 %s",
                            manifest.key(),
                            report.fromPreferences(),
                            dev.podium.contracts.Topics.PREFERENCES,
                            report.fromRankings(),
                            report.sha256());
            if (!report.sha256().equals(file.sha256())) {
                throw new Refusal(
                        409,
                        "data_set_differs",
                        "The logs give another data set than the one that " + manifest.version() + " learnt from: "
                                + (report.lines() - report.fromPreferences() - report.fromRankings()) + " of "
                                + report.lines() + " sets do not come out again. See unlike for the reasons.",
                        Map.of("wanted", file.sha256(), "rebuilt", report.sha256(), "unlike", report.unlike()));
            }
            done = true;
            return rebuilt;
        } catch (ArtifactException e) {
            throw new Refusal(502, "data_set_damaged", "The data set cannot be read from Kafka: " + e.getMessage());
        } catch (IOException | KafkaException e) {
            throw new Refusal(503, "kafka_away", "The data set cannot be read now: " + e.getMessage());
        } finally {
            if (!done || fromLogs) {
                delete(stored);
            }
            if (!done) {
                delete(rebuilt);
            }
        }
    }

    static void delete(@org.jspecify.annotations.Nullable Path file) {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            org.jboss.logging.Logger.getLogger(Adapters.class).warnf("a temporary file stays: %s", e.getMessage());
        }
    }
}
