package dev.podium.feedback.round;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.InvalidEventException;
import dev.podium.contracts.RoundEvent;
import dev.podium.feedback.rest.Refusal;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Rounds with what the projection knows of them. */
@Singleton
class RoundViews {
    /** Events of one answer, and of one read. */
    static final int PORTION = 2000;

    private static final int MOST_FOLDS = 10_000;

    private final EntityManager entities;
    private final Cache<String, RoundView.Fold> folds =
            Caffeine.newBuilder().maximumSize(MOST_FOLDS).build();

    RoundViews(EntityManager entities) {
        this.entities = entities;
    }

    static RoundRow required(String id) {
        RoundRow row = RoundRow.findById(id);
        if (row == null) {
            throw Refusal.notFound("Round " + id);
        }
        return row;
    }

    /** Reads what is new since the last look alone: pages look every few seconds, and a round may have many events. */
    RoundView of(RoundRow row) {
        RoundView.Fold fold = folds.get(row.id, id -> new RoundView.Fold());
        synchronized (fold) {
            try {
                int read = PORTION;
                while (read == PORTION && !fold.ended()) {
                    read = readOn(row.id, fold);
                }
                return RoundView.of(row, EventJson.mapper().readTree(row.config), fold, rerun(row));
            } catch (InvalidEventException | JsonProcessingException e) {
                throw new IllegalStateException("the stored events of round " + row.id + " cannot be read", e);
            }
        }
    }

    private RoundView.@Nullable Rerun rerun(RoundRow row) throws InvalidEventException {
        if (row.rerunOf == null) {
            return null;
        }
        RoundRow first = RoundRow.findById(row.rerunOf);
        Optional<List<String>> ours = adapter(row);
        Optional<List<String>> theirs = first == null ? Optional.empty() : adapter(first);
        Boolean same = ours.isEmpty() || theirs.isEmpty() ? null : ours.get().equals(theirs.get());
        return new RoundView.Rerun(row.rerunOf, row.dataSetSha256 != null, same);
    }

    /** Names and sha256 of the files that a round published. */
    private Optional<List<String>> adapter(RoundRow row) throws InvalidEventException {
        List<?> found = entities.createNativeQuery(
                        "select body from adapter where project_id = :p and version = :v", String.class)
                .setParameter("p", row.projectId)
                .setParameter("v", row.version)
                .getResultList();
        if (found.isEmpty()) {
            return Optional.empty();
        }
        byte[] body = ((String) found.getFirst()).getBytes(StandardCharsets.UTF_8);
        return Optional.of(EventJson.read(body, AdapterManifest.class).files().stream()
                .map(file -> file.name() + " " + file.sha256())
                .sorted()
                .toList());
    }

    private int readOn(String round, RoundView.Fold fold) throws InvalidEventException {
        List<Tuple> portion = entities.createNativeQuery(
                        "select \"offset\" as at, body from round_event where round_id = :id"
                                + " and \"offset\" >= :from order by \"offset\" limit " + PORTION,
                        Tuple.class)
                .setParameter("id", round)
                .setParameter("from", fold.nextOffset())
                .getResultList();
        for (Tuple row : portion) {
            String body = row.get("body", String.class);
            fold.add(
                    row.get("at", Number.class).longValue(),
                    EventJson.read(body.getBytes(StandardCharsets.UTF_8), RoundEvent.class));
        }
        return portion.size();
    }

    /** The round's events as JSON, oldest first, at most {@link #PORTION}. */
    @SuppressWarnings("unchecked")
    List<String> bodies(String round, int after) {
        return entities.createNativeQuery(
                        "select body from round_event where round_id = :id order by \"offset\""
                                + " offset :after limit " + PORTION,
                        String.class)
                .setParameter("id", round)
                .setParameter("after", after)
                .getResultList();
    }
}
