package dev.podium.local.client;

import java.io.PrintWriter;

/** One line that grows: on a terminal it is drawn over, elsewhere a line is printed at each tenth. */
public final class ProgressBar {
    private static final int WIDTH = 24;

    private final PrintWriter out;
    private final boolean terminal;
    private final String label;
    private final long startedNanos = System.nanoTime();
    private int lastTenth = -1;
    private int lastLength;

    /**
     * @param terminal whether {@code \r} goes back to the line's start
     */
    public ProgressBar(PrintWriter out, boolean terminal, String label) {
        this.out = out;
        this.terminal = terminal;
        this.label = label;
    }

    /** Draws with the time left estimated from the time that passed. */
    public void show(long done, long total, String text) {
        double elapsedSeconds = (System.nanoTime() - startedNanos) / 1e9;
        show(done, total, done <= 0 ? -1 : elapsedSeconds * (total - done) / done, text);
    }

    /**
     * Draws the line.
     *
     * @param etaSeconds time left; negative when unknown
     */
    public void show(long done, long total, double etaSeconds, String text) {
        double share = total <= 0 ? 0 : Math.min(1.0, (double) done / total);
        int tenth = (int) (share * 10);
        if (!terminal && tenth == lastTenth) {
            return;
        }
        lastTenth = tenth;
        int filled = (int) Math.round(share * WIDTH);
        String eta = etaSeconds < 0 ? "" : "  " + duration(etaSeconds) + " left";
        String line = String.format(
                        "  %-14s [%s%s] %d/%d%s  %s",
                        label, "#".repeat(filled), ".".repeat(WIDTH - filled), done, total, eta, text)
                .stripTrailing();
        print(line, false);
    }

    /** Ends the line with a result. */
    public void finish(String result) {
        double seconds = (System.nanoTime() - startedNanos) / 1e9;
        print(String.format("  %-14s %s  (%s)", label, result, duration(seconds)), true);
    }

    private void print(String line, boolean last) {
        if (terminal) {
            out.print("\r" + line + " ".repeat(Math.max(0, lastLength - line.length())) + (last ? "\n" : ""));
            lastLength = line.length();
        } else {
            out.println(line);
        }
        out.flush();
    }

    private static String duration(double seconds) {
        long whole = Math.round(seconds);
        return whole < 60 ? whole + " s" : whole / 60 + " min " + whole % 60 + " s";
    }
}
