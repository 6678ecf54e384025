package dev.podium.feedback.exporting;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.podium.contracts.EventJson;
import dev.podium.feedback.audit.Act;
import dev.podium.feedback.audit.AuditLog;
import io.quarkus.narayana.jta.QuarkusTransaction;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Manifests of the exports that were read to their end. */
@Singleton
class Exports {
    private static final int MOST_LISTED = 200;

    private final EntityManager entities;
    private final AuditLog audit;

    Exports(EntityManager entities, AuditLog audit) {
        this.entities = entities;
        this.audit = audit;
    }

    /** Writes down who takes the data, before the first of it is sent: who has read all may go away before the end. */
    void begun(String id, String project, String what, String actor) {
        QuarkusTransaction.requiringNew()
                .run(() -> audit.appendAs(
                        actor, Act.of("data.export.begun", id).in(project).with("files", what)));
    }

    /** Keeps a manifest, and writes down who took the data. */
    void keep(ExportManifest manifest, String actor) {
        QuarkusTransaction.requiringNew().run(() -> {
            entities.createNativeQuery(
                            "insert into export_manifest (id, project_id, at, body) values (:id, :project, :at, :body)")
                    .setParameter("id", UUID.fromString(manifest.id()))
                    .setParameter("project", manifest.project())
                    .setParameter("at", manifest.at())
                    .setParameter("body", EventJson.writeText(manifest))
                    .executeUpdate();
            audit.appendAs(
                    actor,
                    Act.of("data.exported", manifest.id())
                            .in(manifest.project())
                            .with(
                                    "files",
                                    manifest.files().stream()
                                            .map(file -> file.name() + " " + file.rows())
                                            .toList()));
        });
    }

    /** Newest first. */
    List<ExportManifest> list(String project) {
        List<ExportManifest> all = new ArrayList<>();
        for (Object body : entities.createNativeQuery(
                        "select body from export_manifest where project_id = :p order by at desc limit " + MOST_LISTED,
                        String.class)
                .setParameter("p", project)
                .getResultList()) {
            all.add(read((String) body));
        }
        return all;
    }

    Optional<ExportManifest> find(String project, String id) {
        return entities
                .createNativeQuery(
                        "select body from export_manifest where project_id = :p and cast(id as text) = :id",
                        String.class)
                .setParameter("p", project)
                .setParameter("id", id)
                .getResultList()
                .stream()
                .map(body -> read((String) body))
                .findFirst();
    }

    private static ExportManifest read(String body) {
        try {
            return EventJson.mapper().readValue(body, ExportManifest.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a stored manifest cannot be read", e);
        }
    }
}
