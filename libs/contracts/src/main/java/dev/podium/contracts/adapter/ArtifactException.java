package dev.podium.contracts.adapter;

/** An artifact is not what its manifest says, or not what may be loaded. Asking again does not help. */
public final class ArtifactException extends Exception {
    private static final long serialVersionUID = 1L;

    private final boolean notFinite;

    public ArtifactException(String message) {
        this(message, false);
    }

    ArtifactException(String message, boolean notFinite) {
        super(message);
        this.notFinite = notFinite;
    }

    /** Whether weights that are infinite or not a number are the reason. */
    public boolean isNotFinite() {
        return notFinite;
    }
}
