package dev.podium.local.client;

import com.fasterxml.jackson.databind.JsonNode;

/** feedback-api refused, or is not there. The message is for a person. */
public final class ApiException extends Exception {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String code;
    private final transient JsonNode body;

    ApiException(int status, String code, String message, JsonNode body) {
        super(message);
        this.status = status;
        this.code = code;
        this.body = body;
    }

    /** HTTP status; 0 when there was no answer. */
    public int status() {
        return status;
    }

    /** Stable code of the problem, e.g. {@code no_data}; empty when the answer had none. */
    public String code() {
        return code;
    }

    /** The answer's JSON; a missing node when it had none. */
    public JsonNode body() {
        return body;
    }
}
