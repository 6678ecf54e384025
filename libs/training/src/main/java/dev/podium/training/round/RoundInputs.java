package dev.podium.training.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.RoundCommand;
import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.adapter.ArtifactException;
import dev.podium.contracts.adapter.ArtifactReader;
import dev.podium.contracts.log.BoundedReader;
import dev.podium.training.data.DataSet;
import dev.podium.training.data.PinnedPreferences;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * What a round is given: its data, its base model, the adapters that it continues or scores with. Each is read from the
 * log once and kept in the round's folder; while Kafka or the object store is away, the round waits.
 */
final class RoundInputs {
    private final RoundRunnerConfig config;
    private final RoundTicket ticket;
    private final RoundCommand.StartRound command;
    private final Path folder;
    private final Clock clock;

    /** @param folder of the round */
    RoundInputs(RoundRunnerConfig config, RoundTicket ticket, Path folder, Clock clock) {
        this.config = config;
        this.ticket = ticket;
        this.command = ticket.command();
        this.folder = folder;
        this.clock = clock;
    }

    Path folder() {
        return folder;
    }

    /**
     * What the round learns from.
     *
     * @throws RoundFailure {@code no_data} where there is nothing
     */
    DataSet data() throws IOException, RoundCancelled, RoundFailure {
        DataSet data = readData();
        requireData(data);
        return data;
    }

    private DataSet readData() throws IOException, RoundCancelled, RoundFailure {
        if (Files.exists(DataSet.file(folder))) {
            return DataSet.read(folder);
        }
        if (command.dataSet().isPresent()) {
            return earlierData(command.dataSet().get());
        }
        if (bringsItsData()) {
            return new DataSet(List.of(), 0);
        }
        DataSet read = answered(Patience.ask(ticket, () -> {
            try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
                return PinnedPreferences.read(
                        reader, command, wanted(command.config()), heldOutShare(command.config()), clock.instant());
            }
        }));
        read.write(folder);
        return read;
    }

    /** The data set of the round that is run again. */
    private DataSet earlierData(AdapterManifest.ArtifactFile file) throws IOException, RoundCancelled, RoundFailure {
        Path fetched = folder.resolve("data-set.fetched");
        answered(Patience.ask(ticket, () -> {
            try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
                new ArtifactReader(reader, config.publishing().store()).fetch(file, fetched);
                return fetched;
            } catch (ArtifactException e) {
                throw new RoundFailure(
                        "no_data",
                        "the data set of the earlier round cannot be read: " + e.getMessage()
                                + "; start a new round on the data of today",
                        e);
            } catch (IOException e) {
                throw new StoreAwayException("the data set of the earlier round is not to be had now", e);
            }
        }));
        return DataSet.adopt(fetched, folder);
    }

    private static <T> T answered(Optional<T> answer) throws RoundCancelled {
        return answer.orElseThrow(() -> new RoundCancelled(0));
    }

    /** The base model that the command names, or the whole model that the round builds on. */
    BaseModelSource.OpenModel open(BaseModelSource models) throws RoundFailure, IOException, RoundCancelled {
        if (command.initialAdapter().isPresent()) {
            Path target = folder.resolve("base");
            Optional<AdapterFetch.Fetched> model = answered(Patience.ask(ticket, () -> {
                try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
                    return AdapterFetch.fetchModel(reader, config.publishing(), command, target);
                }
            }));
            if (model.isPresent()) {
                return models.open(target, model.get().manifest().modelName(), command.config());
            }
        }
        return models.open(command.baseModel(), command.config());
    }

    /** What the round continues; empty also where a whole model was opened as the base. */
    Optional<AdapterFetch.Fetched> initialAdapter(BaseModelSource.OpenModel model) throws RoundFailure, RoundCancelled {
        Optional<String> version = command.initialAdapter()
                .filter(each -> !model.name().equals(AdapterManifest.modelName(command.projectId(), each)));
        return adapter(version, AdapterManifest.Kind.POLICY, model, "initial");
    }

    /** What the round scores with. */
    Optional<AdapterFetch.Fetched> rewardAdapter(BaseModelSource.OpenModel model) throws RoundFailure, RoundCancelled {
        return adapter(command.rewardAdapter(), AdapterManifest.Kind.REWARD, model, "reward");
    }

    /** Whose outputs a SAMPLE round mixes in. */
    Optional<AdapterFetch.Fetched> mixedAdapter(BaseModelSource.OpenModel model) throws RoundFailure, RoundCancelled {
        return adapter(mixed(command.config()), AdapterManifest.Kind.POLICY, model, "mixed");
    }

    private Optional<AdapterFetch.Fetched> adapter(
            Optional<String> version, AdapterManifest.Kind kind, BaseModelSource.OpenModel model, String name)
            throws RoundFailure, RoundCancelled {
        if (version.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(answered(Patience.ask(ticket, () -> {
            try (BoundedReader reader = BoundedReader.connect(config.kafka())) {
                return AdapterFetch.fetch(
                        reader, config.publishing(), command, version.get(), kind, base(model), folder.resolve(name));
            }
        })));
    }

    static AdapterManifest.BaseModel base(BaseModelSource.OpenModel model) {
        return new AdapterManifest.BaseModel(model.name(), model.sha256());
    }

    private static Optional<String> mixed(RoundConfig config) {
        return config instanceof RoundConfig.Sample sample
                ? Optional.of(sample.mixWith()).filter(version -> !version.isBlank())
                : Optional.empty();
    }

    static RoundContext.RewardModel rewardModel(AdapterFetch.Fetched reward) {
        return new RoundContext.RewardModel(
                reward.folder(),
                reward.manifest().rewardGain().orElse(1.0),
                reward.manifest().rewardBias().orElse(0.0));
    }

    /** Prompts are of use without a ranking; most else is learnt from pairs, some from ties or marks. */
    private static Predicate<PreferenceSet> wanted(RoundConfig config) {
        Predicate<PreferenceSet> decided = set -> set.decided() && !set.pairs().isEmpty();
        return switch (config) {
            case RoundConfig.Sample sample -> set -> true;
            case RoundConfig.Ppo ppo -> set -> true;
            case RoundConfig.Sft sft -> decided;
            case RoundConfig.Reward reward ->
                reward.loss().equals("davidson")
                        ? set -> !set.pairs().isEmpty() || !set.ties().isEmpty()
                        : decided;
            case RoundConfig.Dpo dpo ->
                dpo.loss().equals(RoundConfig.Dpo.UNPAIRED)
                        ? set -> !set.rankings().isEmpty()
                        : decided;
        };
    }

    private static double heldOutShare(RoundConfig config) {
        return switch (config) {
            case RoundConfig.Sample sample -> 0;
            case RoundConfig.Tuning tuning -> tuning.training().heldOutShare();
        };
    }

    /** Prompts or records of the command take the place of what was ranked. */
    private boolean bringsItsData() {
        return switch (command.kind()) {
            case SAMPLE, PPO -> !command.prompts().isEmpty();
            case SFT -> !command.records().isEmpty();
            case REWARD, DPO -> false;
        };
    }

    private void requireData(DataSet data) throws RoundFailure {
        if (data.isEmpty() && !bringsItsData()) {
            String remedy =
                    switch (command.kind()) {
                        case SAMPLE, PPO -> "give prompts, or import tasks first";
                        case SFT -> "give records, or rank some tasks first";
                        case REWARD, DPO -> "rank some tasks first, so that at least one has a decided pair";
                    };
            throw new RoundFailure(
                    "no_data",
                    "project " + command.projectId() + " had nothing to learn from when the round was triggered ("
                            + data.missing() + " preference sets could not be read); " + remedy);
        }
    }

    static Map<String, Double> info(DataSet data) {
        Map<String, Double> info = new LinkedHashMap<>();
        info.put("tasks", (double) data.lines().size());
        info.put("heldOutTasks", (double)
                data.lines().stream().filter(line -> line.heldOut()).count());
        info.put("pairs", (double) data.lines().stream()
                .mapToInt(line -> line.set().pairs().size())
                .sum());
        info.put("rankings", (double) data.rankings());
        info.put("missing", (double) data.missing());
        return info;
    }
}
