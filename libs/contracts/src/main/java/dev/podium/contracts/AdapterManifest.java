package dev.podium.contracts;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The immutable announcement of an adapter, or of a whole model. Value of {@link Topics#ADAPTERS}; key = project/version.
 *
 * @param kind {@code POLICY} (servable), {@code REWARD} (adapter plus scalar head) or {@code MODEL} (all weights)
 * @param baseModel what it was trained from; adapters belong to it
 * @param lora shape of the adapter; empty for a {@code MODEL}
 * @param files the folder in PEFT's on-disk format; of a {@code MODEL} in Hugging Face's
 * @param dataSet the immutable JSONL of what the round read: lineage to pairs, rankings and labelers
 * @param rankingsUsed number of rankings that the training data was made of
 * @param rewardGain normalised reward = gain * raw + bias (REWARD only)
 * @param evaluation the tables behind the metrics, where there are any
 */
public record AdapterManifest(
        String projectId,
        String version,
        Kind kind,
        String roundId,
        RoundKind roundKind,
        BaseModel baseModel,
        RoundConfig config,
        Optional<RoundConfig.Lora> lora,
        List<ArtifactFile> files,
        Optional<ArtifactFile> dataSet,
        long rankingsUsed,
        Optional<String> initialAdapter,
        Optional<String> rewardAdapter,
        Optional<Double> rewardGain,
        Optional<Double> rewardBias,
        Map<String, Double> metrics,
        Instant createdAt,
        Optional<Evaluation> evaluation) {
    private static final int MAX_LOCATION_CHARACTERS = 1024;

    public AdapterManifest {
        Require.text(projectId, "projectId");
        Require.text(version, "version");
        Require.present(kind, "kind");
        Require.text(roundId, "roundId");
        Require.present(roundKind, "roundKind");
        Require.present(baseModel, "baseModel");
        Require.present(config, "config");
        lora = lora == null ? Optional.empty() : lora;
        Require.that(
                lora.isPresent() != (kind == Kind.MODEL),
                "a " + kind + (lora.isPresent() ? " has no" : " needs") + " lora");
        files = List.copyOf(Require.present(files, "files"));
        Require.that(!files.isEmpty(), "files is empty");
        dataSet = dataSet == null ? Optional.empty() : dataSet;
        initialAdapter = initialAdapter == null ? Optional.empty() : initialAdapter;
        rewardAdapter = rewardAdapter == null ? Optional.empty() : rewardAdapter;
        rewardGain = rewardGain == null ? Optional.empty() : rewardGain;
        rewardBias = rewardBias == null ? Optional.empty() : rewardBias;
        metrics = metrics == null ? Map.of() : Map.copyOf(metrics);
        Require.present(createdAt, "createdAt");
        evaluation = evaluation == null ? Optional.empty() : evaluation;
    }

    /** Without tables. */
    public AdapterManifest(
            String projectId,
            String version,
            Kind kind,
            String roundId,
            RoundKind roundKind,
            BaseModel baseModel,
            RoundConfig config,
            Optional<RoundConfig.Lora> lora,
            List<ArtifactFile> files,
            Optional<ArtifactFile> dataSet,
            long rankingsUsed,
            Optional<String> initialAdapter,
            Optional<String> rewardAdapter,
            Optional<Double> rewardGain,
            Optional<Double> rewardBias,
            Map<String, Double> metrics,
            Instant createdAt) {
        this(
                projectId,
                version,
                kind,
                roundId,
                roundKind,
                baseModel,
                config,
                lora,
                files,
                dataSet,
                rankingsUsed,
                initialAdapter,
                rewardAdapter,
                rewardGain,
                rewardBias,
                metrics,
                createdAt,
                Optional.empty());
    }

    /** What it is for. */
    public enum Kind {
        /** An adapter that answers requests. */
        POLICY,
        /** An adapter with a scalar head. */
        REWARD,
        /**
         * A whole model, by full fine-tuning. No service swaps it in: it is the base model of later rounds, and of services
         * that are started with it.
         */
        MODEL
    }

    /**
     * The base an adapter belongs to.
     *
     * @param sha256 of the base model's weights file, hex
     */
    public record BaseModel(String name, String sha256) {
        public BaseModel {
            Require.text(name, "baseModel.name");
            Require.text(sha256, "baseModel.sha256");
        }
    }

    /**
     * A file that lives as chunks in {@link Topics#ARTIFACT_CHUNKS}, or in an object store when it has a location.
     *
     * @param name file name in the adapter's folder, without a path
     * @param chunks number of chunks, each at most {@link Topics#MAX_CHUNK_BYTES}
     * @param locations where each chunk was written, so that a reader need not search; only a hint: when the same
     *     content is written again, compaction removes the older chunk. Empty: unknown
     * @param location where the whole file is, e.g. {@code s3://bucket/artifacts/...}; there are no chunks then. A reader
     *     follows it only into the store that it is configured for
     */
    public record ArtifactFile(
            String name,
            String sha256,
            long bytes,
            int chunks,
            List<ChunkLocation> locations,
            Optional<String> location) {
        /** A file in chunks. */
        public ArtifactFile(String name, String sha256, long bytes, int chunks, List<ChunkLocation> locations) {
            this(name, sha256, bytes, chunks, locations, Optional.empty());
        }

        /** A file whose chunks have to be searched. */
        public ArtifactFile(String name, String sha256, long bytes, int chunks) {
            this(name, sha256, bytes, chunks, List.of(), Optional.empty());
        }

        public ArtifactFile {
            Require.text(name, "files.name");
            Require.that(
                    name.matches("[A-Za-z0-9._-]{1,128}") && !name.startsWith("."),
                    "files.name is not a plain file name: " + name);
            Require.that(sha256 != null && sha256.matches("[0-9a-f]{64}"), "files.sha256 is not 64 hex digits");
            Require.that(bytes >= 0, "files.bytes is negative");
            Require.that(chunks >= 1, "files.chunks must be 1 or more");
            locations = locations == null ? List.of() : List.copyOf(locations);
            Require.that(
                    locations.isEmpty() || locations.size() == chunks,
                    "files.locations has " + locations.size() + " entries for " + chunks + " chunks");
            location = location == null ? Optional.empty() : location;
            Require.that(
                    location.map(String::length).orElse(0) <= MAX_LOCATION_CHARACTERS,
                    "files.location is longer than " + MAX_LOCATION_CHARACTERS + " characters");
        }

        /** The same file, kept in an object store. */
        public ArtifactFile at(String address) {
            return new ArtifactFile(name, sha256, bytes, chunks, List.of(), Optional.of(address));
        }

        /** Key of one chunk: sha256/index. */
        public String chunkKey(int index) {
            return sha256 + "/" + index;
        }
    }

    /** Partition and offset of one chunk in {@link Topics#ARTIFACT_CHUNKS}. */
    public record ChunkLocation(int partition, long offset) {}

    public String key() {
        return key(projectId, version);
    }

    /** The name that a {@code MODEL} has as a base model. */
    public String modelName() {
        return modelName(projectId, version);
    }

    /** The name that a version has as a base model. */
    public static String modelName(String projectId, String version) {
        return projectId + "." + version;
    }

    /** The version that a base model's name means; empty where it is no model of the project. */
    public static Optional<String> versionOfModel(String projectId, String modelName) {
        String prefix = projectId + ".";
        return modelName.startsWith(prefix) ? Optional.of(modelName.substring(prefix.length())) : Optional.empty();
    }

    public static String key(String projectId, String version) {
        return projectId + "/" + version;
    }
}
