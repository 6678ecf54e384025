package dev.podium.contracts.adapter;

/** An artifact is not what its manifest says, or not what may be loaded. Asking again does not help. */
public final class ArtifactException extends Exception {
    private static final long serialVersionUID = 1L;

    public ArtifactException(String message) {
        super(message);
    }
}
