package dev.podium.training.reward;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.podium.contracts.adapter.AdapterFolder;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.model.TokenBatch;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One or more reward models on one base, each an adapter and a head that began elsewhere and saw the tasks in another
 * order. Where they disagree, a score means little: Coste et al. 2024, Reward Model Ensembles Help Mitigate
 * Overoptimization.
 *
 * <p>On disk the first is an adapter like any other; the others lie beside it as {@code adapter_model.N.safetensors} and
 * {@code score.N.safetensors}, and {@code ensemble.json} holds the normalisation of each.
 *
 * @param members one or more
 */
public record RewardEnsemble(List<RewardModel> members) implements AutoCloseable {
    static final String FILE = AdapterFolder.ENSEMBLE;

    private static final ObjectMapper JSON = new ObjectMapper();

    public RewardEnsemble {
        members = List.copyOf(members);
    }

    /**
     * Normalised rewards of rows.
     *
     * @param mean over the members, [rows]
     * @param spread standard deviation over the members, unbiased; 0 for one member
     */
    public record Scores(double[] mean, double[] spread) {
        static Scores of(double[][] byMember) {
            int rows = byMember[0].length;
            int members = byMember.length;
            double[] mean = new double[rows];
            double[] spread = new double[rows];
            for (int i = 0; i < rows; i++) {
                for (double[] member : byMember) {
                    mean[i] += member[i] / members;
                }
                double squares = 0;
                for (double[] member : byMember) {
                    squares += (member[i] - mean[i]) * (member[i] - mean[i]);
                }
                spread[i] = members < 2 ? 0 : Math.sqrt(squares / (members - 1));
            }
            return new Scores(mean, spread);
        }
    }

    /** Reads a published reward model with all its members, frozen. */
    public static RewardEnsemble read(RoundContext.RewardModel files, CausalLM base) throws RoundFailure {
        List<RewardModel> members = new ArrayList<>();
        try {
            members.add(RewardModel.read(files, 0, base));
            Path description = files.folder().resolve(FILE);
            if (Files.exists(description)) {
                JsonNode all = JSON.readTree(description.toFile()).path("members");
                for (int i = 1; i < all.size(); i++) {
                    RoundContext.RewardModel member = new RoundContext.RewardModel(
                            files.folder(),
                            all.get(i).path("gain").asDouble(1),
                            all.get(i).path("bias").asDouble(0));
                    members.add(RewardModel.read(member, i, base));
                }
            }
            return new RewardEnsemble(members);
        } catch (IOException e) {
            members.forEach(RewardModel::close);
            throw new RoundFailure("unknown_adapter", "the reward adapter's " + FILE + ": " + e.getMessage(), e);
        } catch (RoundFailure e) {
            members.forEach(RewardModel::close);
            throw e;
        }
    }

    /** Describes an ensemble in its folder, next to the files of its members. */
    static void describe(Path folder, List<Double> gains, List<Double> biases) throws IOException {
        List<Map<String, Double>> all = new ArrayList<>();
        for (int i = 0; i < gains.size(); i++) {
            Map<String, Double> member = new LinkedHashMap<>();
            member.put("gain", gains.get(i));
            member.put("bias", biases.get(i));
            all.add(member);
        }
        Files.write(folder.resolve(FILE), JSON.writeValueAsBytes(Map.of("members", all)));
    }

    /** The member whose states a value model reads. */
    public RewardModel first() {
        return members.getFirst();
    }

    /**
     * Rewards of rows, in the open scope.
     *
     * @param statesOfFirst the first member's states of these rows, which the caller has already
     */
    public Scores judge(TokenBatch rows, NDArray statesOfFirst) {
        return Scores.of(judgeEach(rows, statesOfFirst));
    }

    /**
     * Normalised rewards of rows by each member, [members][rows], in the open scope.
     *
     * @param statesOfFirst the first member's states of these rows, which the caller has already
     */
    public double[][] judgeEach(TokenBatch rows, NDArray statesOfFirst) {
        double[][] byMember = new double[members.size()][];
        for (int m = 0; m < byMember.length; m++) {
            RewardModel member = members.get(m);
            NDArray states = m == 0 ? statesOfFirst : rows.states(member.base(), Optional.of(member.adapter()));
            float[] raw =
                    member.head().apply(rows.lastStates(member.base(), states)).toFloatArray();
            byMember[m] = new double[raw.length];
            for (int i = 0; i < raw.length; i++) {
                byMember[m][i] = member.normalise(raw[i]);
            }
        }
        return byMember;
    }

    /**
     * How differently the members judge completions of one prompt: the mean over completions of the standard deviation
     * over members, after each member's mean over the completions is taken away. What a member adds to all completions of
     * a prompt decides no comparison of them, and so no ranking could teach it otherwise.
     *
     * @param byMember [members][completions]
     */
    public static double disagreement(double[][] byMember) {
        double[][] centred = new double[byMember.length][];
        for (int m = 0; m < byMember.length; m++) {
            double mean = Arrays.stream(byMember[m]).average().orElse(0);
            centred[m] = Arrays.stream(byMember[m]).map(r -> r - mean).toArray();
        }
        return Arrays.stream(Scores.of(centred).spread()).average().orElse(0);
    }

    @Override
    public void close() {
        members.forEach(RewardModel::close);
    }
}
