package dev.podium.training.round;

import java.util.Optional;

/** A round ends without a result, for a reason that its operator can act on. */
public final class RoundFailure extends Exception {
    private static final long serialVersionUID = 1;

    private final String code;
    // Exceptions are serialisable by descent only; nobody writes this one.
    private final transient Optional<RoundResult> result;

    /**
     * @param code stable, see {@link dev.podium.contracts.RoundEvent.Failed}
     * @param message for the operator, with the remedy
     */
    public RoundFailure(String code, String message) {
        super(message);
        this.code = code;
        this.result = Optional.empty();
    }

    /** @param result what was made and is not published */
    RoundFailure(String code, String message, RoundResult result) {
        super(message);
        this.code = code;
        this.result = Optional.of(result);
    }

    public RoundFailure(String code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
        this.result = Optional.empty();
    }

    public String code() {
        return code;
    }

    /** What was made and is not published. */
    Optional<RoundResult> result() {
        return result;
    }
}
