package dev.podium.feedback.ranking;

/** Who may work in a project. */
public interface LabelerGate {
    /** Refuses a labeler whose work is not wanted, and says why; runs in the transaction of the work. */
    void requireWelcome(String project, String labeler);
}
