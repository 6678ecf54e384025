package dev.podium.llm.files;

import org.jspecify.annotations.Nullable;

/** A model or adapter file is damaged, hostile or of a form that is not read; the message says which and why. */
public final class ModelFileException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ModelFileException(String message) {
        super(message);
    }

    public ModelFileException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
