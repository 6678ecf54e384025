package dev.podium.llm.files;

/** A model's configuration asks for something that is not built; the message names the field. */
public final class UnsupportedModelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public UnsupportedModelException(String message) {
        super(message);
    }
}
