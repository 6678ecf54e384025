package dev.podium.llm.lora;

import dev.podium.llm.files.ModelConfig;

/** The linear layers an adapter can sit on, in the order in which the decoder uses them. */
public enum LoraTarget {
    Q_PROJ("self_attn", "q_proj"),
    K_PROJ("self_attn", "k_proj"),
    V_PROJ("self_attn", "v_proj"),
    O_PROJ("self_attn", "o_proj"),
    GATE_PROJ("mlp", "gate_proj"),
    UP_PROJ("mlp", "up_proj"),
    DOWN_PROJ("mlp", "down_proj");

    private final String block;
    private final String projection;

    LoraTarget(String block, String projection) {
        this.block = block;
        this.projection = projection;
    }

    /** PEFT's name, e.g. {@code q_proj}. */
    public String projection() {
        return projection;
    }

    /** Within a layer, e.g. {@code self_attn.q_proj}. */
    public String path() {
        return block + "." + projection;
    }

    /** The target of PEFT's name. */
    public static LoraTarget of(String projection) {
        for (LoraTarget target : values()) {
            if (target.projection.equals(projection)) {
                return target;
            }
        }
        throw new IllegalArgumentException("no linear layer is called " + projection);
    }

    int inputSize(ModelConfig c) {
        return switch (this) {
            case Q_PROJ, K_PROJ, V_PROJ, GATE_PROJ, UP_PROJ -> c.hiddenSize();
            case O_PROJ -> c.heads() * c.headSize();
            case DOWN_PROJ -> c.intermediateSize();
        };
    }

    int outputSize(ModelConfig c) {
        return switch (this) {
            case Q_PROJ -> c.heads() * c.headSize();
            case K_PROJ, V_PROJ -> c.keyValueHeads() * c.headSize();
            case O_PROJ, DOWN_PROJ -> c.hiddenSize();
            case GATE_PROJ, UP_PROJ -> c.intermediateSize();
        };
    }
}
