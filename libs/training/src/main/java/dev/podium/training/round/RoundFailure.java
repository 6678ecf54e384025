package dev.podium.training.round;

/** A round ends without a result, for a reason that its operator can act on. */
public final class RoundFailure extends Exception {
    private static final long serialVersionUID = 1;

    private final String code;

    /**
     * @param code stable, see {@link dev.podium.contracts.RoundEvent.Failed}
     * @param message for the operator, with the remedy
     */
    public RoundFailure(String code, String message) {
        super(message);
        this.code = code;
    }

    public RoundFailure(String code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    public String code() {
        return code;
    }
}
