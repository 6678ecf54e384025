package dev.podium.contracts;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What an operator asks of a trainer. Value of {@link Topics#ROUND_COMMANDS}; key = round id. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = RoundCommand.StartRound.class, name = "StartRound"),
    @JsonSubTypes.Type(value = RoundCommand.CancelRound.class, name = "CancelRound")
})
public sealed interface RoundCommand {
    String roundId();

    String projectId();

    /**
     * Starts a round.
     *
     * @param version the adapter version this round will publish (unique in the project, given by feedback-api); also
     *     given to SAMPLE rounds, which publish none
     * @param config the hyperparameters of the kind
     * @param dataPin end offset (exclusive) per partition of {@link Topics#PREFERENCES}, pinned when triggered
     * @param initialAdapter version of a policy adapter to continue from (SFT, DPO, PPO) or to sample from (SAMPLE); or of a
     *     whole model, which takes the place of {@code baseModel}
     * @param rewardAdapter version of the reward adapter that PPO scores with, or whose disagreement SAMPLE selects by
     * @param prompts prompts given in the command (SAMPLE, PPO); empty: the prompts of the pinned preference sets
     * @param records SFT's prompt/completion records given in the command; empty: the best output of each pinned set
     * @param dataSet the data set of an earlier round, to be read again byte for byte; it takes the place of the pin
     * @param rerunOf the round that is run again
     */
    record StartRound(
            String roundId,
            String projectId,
            RoundKind kind,
            String version,
            String baseModel,
            RoundConfig config,
            List<PartitionEnd> dataPin,
            Optional<String> initialAdapter,
            Optional<String> rewardAdapter,
            List<List<Message>> prompts,
            List<SftRecord> records,
            String requestedBy,
            Instant at,
            Optional<AdapterManifest.ArtifactFile> dataSet,
            Optional<String> rerunOf)
            implements RoundCommand {
        public StartRound {
            Require.text(roundId, "roundId");
            Require.text(projectId, "projectId");
            Require.present(kind, "kind");
            Require.text(version, "version");
            Require.text(baseModel, "baseModel");
            Require.present(config, "config");
            Require.that(config.kind() == kind, "config is of kind " + config.kind() + ", the round of kind " + kind);
            dataPin = dataPin == null ? List.of() : List.copyOf(dataPin);
            initialAdapter = initialAdapter == null ? Optional.empty() : initialAdapter;
            rewardAdapter = rewardAdapter == null ? Optional.empty() : rewardAdapter;
            prompts = prompts == null
                    ? List.of()
                    : prompts.stream().map(List::copyOf).toList();
            records = records == null ? List.of() : List.copyOf(records);
            Require.text(requestedBy, "requestedBy");
            Require.present(at, "at");
            Require.that(kind != RoundKind.PPO || rewardAdapter.isPresent(), "a PPO round needs a rewardAdapter");
            Require.that(
                    !(config instanceof RoundConfig.Sample sample && sample.selects()) || rewardAdapter.isPresent(),
                    "a SAMPLE round that selects by disagreement needs a rewardAdapter");
            dataSet = dataSet == null ? Optional.empty() : dataSet;
            rerunOf = rerunOf == null ? Optional.empty() : rerunOf;
        }

        /** A round that is run for the first time, on what is pinned. */
        public StartRound(
                String roundId,
                String projectId,
                RoundKind kind,
                String version,
                String baseModel,
                RoundConfig config,
                List<PartitionEnd> dataPin,
                Optional<String> initialAdapter,
                Optional<String> rewardAdapter,
                List<List<Message>> prompts,
                List<SftRecord> records,
                String requestedBy,
                Instant at) {
            this(
                    roundId,
                    projectId,
                    kind,
                    version,
                    baseModel,
                    config,
                    dataPin,
                    initialAdapter,
                    rewardAdapter,
                    prompts,
                    records,
                    requestedBy,
                    at,
                    Optional.empty(),
                    Optional.empty());
        }
    }

    /** Cancels a round; harmless when it has ended. */
    record CancelRound(String roundId, String projectId, String requestedBy, Instant at) implements RoundCommand {
        public CancelRound {
            Require.text(roundId, "roundId");
            Require.text(projectId, "projectId");
        }
    }

    /** End offset (exclusive) of one partition. */
    record PartitionEnd(int partition, long endOffset) {}

    /** A prompt and the completion to imitate. */
    record SftRecord(List<Message> prompt, String completion) {
        public SftRecord {
            prompt = List.copyOf(Require.present(prompt, "records.prompt"));
            Require.text(completion, "records.completion");
        }
    }
}
