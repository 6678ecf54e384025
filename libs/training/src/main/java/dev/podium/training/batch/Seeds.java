package dev.podium.training.batch;

/** Seeds derived from the round's one seed, so that every random choice is a function of seed and position. */
public final class Seeds {
    private Seeds() {}

    /** A well mixed seed of its own for a stream. Steele et al. 2014 (SplitMix64's finaliser). */
    public static long mix(long seed, long stream) {
        long z = seed + (stream + 1) * 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
