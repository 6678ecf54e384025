package dev.podium.contracts.process;

import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds out that the process which started this one is gone: standard input, a pipe of it, is then at its end. */
public final class ParentWatch {
    /** Name of the setting that says whether to watch at all. */
    public static final String SETTING = "podium.parent.watch";

    private static final Logger LOG = LoggerFactory.getLogger(ParentWatch.class);

    private ParentWatch() {}

    /** Returns at once. */
    public static void start(Runnable gone) {
        Thread.ofPlatform().daemon().name("parent-watch").start(() -> {
            awaitTheEnd();
            LOG.info("standard input has ended, stopping");
            gone.run();
        });
    }

    private static void awaitTheEnd() {
        try {
            while (System.in.read() >= 0) {
                // Whatever comes is of no interest; only the end is.
            }
        } catch (IOException e) {
            LOG.debug("standard input cannot be read", e);
        }
    }
}
