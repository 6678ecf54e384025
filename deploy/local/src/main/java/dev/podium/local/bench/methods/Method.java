package dev.podium.local.bench.methods;

import dev.podium.contracts.RoundConfig;
import dev.podium.contracts.RoundKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A way of training, written {@code kind/name}: {@code dpo/sigmoid}.
 *
 * @param name of the loss, of the advantage, of what is trained, or {@code ensemble}
 */
public record Method(RoundKind kind, String name) {
    static final String ENSEMBLE = "ensemble";
    /** The reward model that PPO learns from. */
    static final Method REWARD_OF_PPO = new Method(RoundKind.REWARD, "bradley_terry");

    /** All there are, in the order in which a reader meets them. */
    public static List<Method> all() {
        List<Method> all = new ArrayList<>();
        RoundConfig.Sft.METHODS.forEach(name -> all.add(new Method(RoundKind.SFT, name)));
        RoundConfig.Reward.LOSSES.forEach(name -> all.add(new Method(RoundKind.REWARD, name)));
        all.add(new Method(RoundKind.REWARD, ENSEMBLE));
        RoundConfig.Dpo.LOSSES.forEach(name -> all.add(new Method(RoundKind.DPO, name)));
        RoundConfig.Ppo.ADVANTAGES.forEach(name -> all.add(new Method(RoundKind.PPO, name)));
        return all;
    }

    /**
     * The methods of a list of labels; a kind alone means all of the kind.
     *
     * @throws IllegalArgumentException naming those that there are
     */
    public static List<Method> of(List<String> labels) {
        List<Method> some = new ArrayList<>();
        for (String label : labels) {
            List<Method> found = all().stream()
                    .filter(method -> method.label().equals(label)
                            || method.kind().name().toLowerCase(Locale.ROOT).equals(label))
                    .toList();
            if (found.isEmpty()) {
                throw new IllegalArgumentException(
                        "there is no method " + label + "; sft, reward, dpo and ppo are, and "
                                + all().stream().map(Method::label).toList());
            }
            some.addAll(found);
        }
        return some.stream().distinct().toList();
    }

    /** As it is written. */
    public String label() {
        return kind.name().toLowerCase(Locale.ROOT) + "/" + name;
    }
}
