package dev.podium.contracts;

/** The kinds of rounds an operator can trigger. */
public enum RoundKind {
    SAMPLE,
    SFT,
    REWARD,
    DPO,
    PPO;

    /** Whether the reward-trainer takes it; the policy-trainer takes all others. */
    public boolean isReward() {
        return this == REWARD;
    }
}
