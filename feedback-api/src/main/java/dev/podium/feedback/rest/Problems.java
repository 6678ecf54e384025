package dev.podium.feedback.rest;

import dev.podium.contracts.EventJson;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Response;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.hibernate.exception.JDBCConnectionException;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;
import org.jspecify.annotations.Nullable;

/** Every failure as problem+json: title, status, detail, code. */
public class Problems {
    public static final String MEDIA_TYPE = "application/problem+json";

    private static final Logger LOG = Logger.getLogger(Problems.class);

    Problems() {}

    @ServerExceptionMapper
    public Response refusal(Refusal refusal) {
        return response(refusal.status(), refusal.code(), String.valueOf(refusal.getMessage()), refusal.more());
    }

    @ServerExceptionMapper
    public Response web(WebApplicationException e) {
        int status = e.getResponse().getStatus();
        if (status < 400) {
            return e.getResponse();
        }
        return response(
                status,
                switch (status) {
                    case 404 -> "not_found";
                    case 405 -> "method_not_allowed";
                    case 415 -> "unsupported_media_type";
                    default -> "http_" + status;
                },
                switch (status) {
                    case 404 -> "There is nothing at this address.";
                    case 415 -> "This endpoint does not take that Content-Type; see /q/openapi.";
                    default -> String.valueOf(e.getMessage());
                },
                Map.of());
    }

    @ServerExceptionMapper
    public Response other(Throwable e) {
        if (isDatabaseAway(e)) {
            LOG.warnf("PostgreSQL does not answer: %s", e.getMessage());
            return Response.fromResponse(response(
                            503,
                            "database_away",
                            "The database does not answer. Nothing was stored; try again in a few seconds.",
                            Map.of()))
                    .header("Retry-After", 5)
                    .build();
        }
        String state = sqlState(e);
        if (state.equals("22021")) {
            return response(400, "invalid_text", "Text must not hold NUL characters.", Map.of());
        }
        if (state.equals("23505")) {
            return response(
                    409,
                    "conflict",
                    "Somebody has just done the same. Look at what is there, then try again.",
                    Map.of());
        }
        if (state.startsWith("40")) {
            LOG.warnf("PostgreSQL asks for another try: %s", e.getMessage());
            return Response.fromResponse(response(
                            503, "try_again", "Others work on the same. Nothing was stored; try again.", Map.of()))
                    .header("Retry-After", 1)
                    .build();
        }
        LOG.error("a request failed", e);
        return response(
                500, "internal", "Something went wrong inside Podium; the log of feedback-api says what.", Map.of());
    }

    /** Whether it is the data that cannot be stored: another try would fail in the same way. */
    public static boolean isRefusedForGood(Throwable e) {
        String state = sqlState(e);
        return state.startsWith("22") || state.startsWith("23");
    }

    /** PostgreSQL's code for what went wrong; empty when it was something else. */
    private static String sqlState(@Nullable Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof SQLException sql && sql.getSQLState() != null) {
                return sql.getSQLState();
            }
        }
        return "";
    }

    private static boolean isDatabaseAway(@Nullable Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof JDBCConnectionException) {
                return true;
            }
            if (cause instanceof SQLException sql
                    && (sql.getSQLState() == null
                            || sql.getSQLState().startsWith("08")
                            || sql.getSQLState().startsWith("57P"))) {
                return true;
            }
        }
        return false;
    }

    static Response response(int status, String code, String detail, Map<String, Object> more) {
        return Response.status(status)
                .type(MEDIA_TYPE)
                .entity(EventJson.writeText(body(status, code, detail, more)))
                .build();
    }

    /** The members of a problem. */
    public static Map<String, Object> body(int status, String code, String detail, Map<String, Object> more) {
        Map<String, Object> body = new LinkedHashMap<>(more);
        Response.Status known = Response.Status.fromStatusCode(status);
        body.put("title", known == null ? "Not granted" : known.getReasonPhrase());
        body.put("status", status);
        body.put("detail", detail);
        body.put("code", code);
        return body;
    }
}
