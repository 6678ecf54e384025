package dev.podium.training.round;

import java.io.IOException;

/** An artifact cannot be stored or fetched now, by the object store or the disk; asking again may help. */
public final class StoreAwayException extends IOException {
    private static final long serialVersionUID = 1;

    /** @param what was not done, a sentence's beginning */
    public StoreAwayException(String what, IOException why) {
        super(what + ": " + why, why);
    }
}
