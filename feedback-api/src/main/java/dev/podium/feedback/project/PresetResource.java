package dev.podium.feedback.project;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.RankingRules;
import dev.podium.feedback.security.AllowedTo;
import dev.podium.feedback.security.Who;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;

/** Guidelines and rules for usual domains, to begin a project with. */
@Path("/api/v1/presets")
@Produces(MediaType.APPLICATION_JSON)
@AllowedTo(Who.ANYONE)
public class PresetResource {
    private static final List<Preset> PRESETS = read();

    PresetResource() {}

    /** A beginning for projects of one domain. */
    public record Preset(String id, String name, String guidelines, RankingRules rules) {}

    @GET
    public List<Preset> list() {
        return PRESETS;
    }

    private static List<Preset> read() {
        try (InputStream in = PresetResource.class.getResourceAsStream("/presets.json")) {
            if (in == null) {
                throw new IllegalStateException("presets.json is not in the application");
            }
            return EventJson.mapper().readValue(in, new TypeReference<>() {});
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
