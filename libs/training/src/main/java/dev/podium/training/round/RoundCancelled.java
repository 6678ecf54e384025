package dev.podium.training.round;

/** The operator cancelled the round; no error. */
public final class RoundCancelled extends Exception {
    private static final long serialVersionUID = 1;

    private final int step;

    /** @param step last finished optimiser step */
    public RoundCancelled(int step) {
        super("cancelled after step " + step);
        this.step = step;
    }

    public int step() {
        return step;
    }
}
