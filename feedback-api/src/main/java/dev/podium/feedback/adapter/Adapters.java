package dev.podium.feedback.adapter;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.DataSetLine;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.PreferenceSet.RankingUsed;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.feedback.kafka.KafkaAccess;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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

/** Published adapters and where they come from. */
@Singleton
public class Adapters {
    private final EntityManager entities;
    private final KafkaAccess kafka;
    /** By the data set's sha256: its content never changes. */
    private final Map<String, Map<String, Long>> rankingsByLabeler = new ConcurrentHashMap<>();

    Adapters(EntityManager entities, KafkaAccess kafka) {
        this.entities = entities;
        this.kafka = kafka;
    }

    /** Newest first. */
    List<AdapterManifest> list(String project) {
        List<AdapterManifest> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select body from adapter where project_id = :p order by created_at desc", String.class)
                .setParameter("p", project)
                .getResultList()) {
            all.add(read((String) body));
        }
        return all;
    }

    Optional<AdapterManifest> find(String project, String version) {
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
     */
    public record Lineage(
            String version,
            String round,
            Optional<AdapterManifest.ArtifactFile> dataSet,
            List<Used> rankings,
            List<LabelerShare> labelers,
            Map<String, String> parents) {}

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
                parents);
    }

    /**
     * An adapter that learnt from a labeler.
     *
     * @param rankings of the labeler in its own data set; 0 where it learnt through another adapter only
     * @param through adapters that it continued or was scored by, and that learnt from the labeler
     */
    public record Affected(String version, AdapterManifest.Kind kind, long rankings, List<String> through) {}

    /** All adapters of a project that learnt from a labeler, directly or through one another; the oldest first. */
    List<Affected> affectedBy(String labeler, List<AdapterManifest> newestFirst) {
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
            new ArtifactReader(reader).fetch(wanted, target);
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
            new ArtifactReader(reader).fetch(file, target);
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

    private static void delete(@org.jspecify.annotations.Nullable Path file) {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            org.jboss.logging.Logger.getLogger(Adapters.class).warnf("a temporary file stays: %s", e.getMessage());
        }
    }
}
