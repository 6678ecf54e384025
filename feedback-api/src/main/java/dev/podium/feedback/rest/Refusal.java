package dev.podium.feedback.rest;

import java.util.Map;

/** A request that cannot be granted: becomes an RFC 9457 problem with a stable code. */
public final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String code;
    private final transient Map<String, Object> more;

    public Refusal(int status, String code, String detail) {
        this(status, code, detail, Map.of());
    }

    /** @param more further members of the problem, e.g. the current state */
    public Refusal(int status, String code, String detail, Map<String, Object> more) {
        super(detail);
        this.status = status;
        this.code = code;
        this.more = more;
    }

    public int status() {
        return status;
    }

    public String code() {
        return code;
    }

    public Map<String, Object> more() {
        return more;
    }

    public static Refusal notFound(String what) {
        return new Refusal(404, "not_found", what + " is not there, or not yours to see.");
    }

    public static Refusal unprocessable(String code, String detail) {
        return new Refusal(422, code, detail);
    }
}
