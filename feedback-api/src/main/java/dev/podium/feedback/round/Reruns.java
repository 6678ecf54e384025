package dev.podium.feedback.round;

import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundCommand;
import dev.podium.feedback.rest.Refusal;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Runs rounds again: to prove that a round gives what it gave, or to give it the data of now. */
@Singleton
public class Reruns {
    private final Rounds rounds;
    private final CommandLog commands;
    private final EntityManager entities;

    Reruns(Rounds rounds, CommandLog commands, EntityManager entities) {
        this.rounds = rounds;
        this.commands = commands;
        this.entities = entities;
    }

    /** Which data a round that is run again reads. */
    public enum Data {
        /** What the first one read, by its sha256. */
        SAME,
        /** What is there now. */
        NOW
    }

    /**
     * What to run again, and how.
     *
     * @param initialAdapter in place of the first one's
     * @param rewardAdapter in place of the first one's
     */
    public record Again(
            @Nullable Data data,
            @Nullable String initialAdapter,
            @Nullable String rewardAdapter) {}

    private record First(RoundRow row, Optional<AdapterManifest> manifest) {}

    /** Starts a round again; not inside a transaction. */
    public Rounds.Started start(
            String roundId, Again again, Optional<Rounds.Key> key, String operator, Optional<String> reason) {
        First first = QuarkusTransaction.requiringNew().call(() -> {
            RoundRow row = RoundViews.required(roundId);
            return new First(row, manifest(row));
        });
        RoundCommand.StartRound command = commands.find(roundId, first.row().requestedAt);
        boolean same = again.data() != Data.NOW;
        Optional<AdapterManifest.ArtifactFile> dataSet =
                same ? first.manifest().flatMap(AdapterManifest::dataSet).or(command::dataSet) : Optional.empty();
        Rounds.Origin origin = new Rounds.Origin(
                reason, Optional.of(roundId), dataSet, same ? Optional.of(command.dataPin()) : Optional.empty());
        return rounds.again(
                command,
                Optional.ofNullable(again.initialAdapter()).filter(v -> !v.isBlank()),
                Optional.ofNullable(again.rewardAdapter()).filter(v -> !v.isBlank()),
                key,
                operator,
                origin);
    }

    private Optional<AdapterManifest> manifest(RoundRow row) {
        List<?> found = entities.createNativeQuery(
                        "select body from adapter where project_id = :p and version = :v", String.class)
                .setParameter("p", row.projectId)
                .setParameter("v", row.version)
                .getResultList();
        if (found.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(EventJson.read(
                    ((String) found.getFirst()).getBytes(StandardCharsets.UTF_8), AdapterManifest.class));
        } catch (InvalidEventException e) {
            throw new Refusal(500, "manifest_damaged", "The manifest of " + row.version + " cannot be read.");
        }
    }
}
