package dev.podium.llm.base;

/** No base model of that name can be opened; the message says what to do. */
public final class UnknownBaseModelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public UnknownBaseModelException(String message) {
        super(message);
    }
}
