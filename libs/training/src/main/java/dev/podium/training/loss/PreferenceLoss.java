package dev.podium.training.loss;

import static dev.podium.llm.torch.Numbers.atLeast;
import static dev.podium.llm.torch.Numbers.atMost;
import static dev.podium.llm.torch.Numbers.minus;
import static dev.podium.llm.torch.Numbers.over;
import static dev.podium.llm.torch.Numbers.plus;
import static dev.podium.llm.torch.Numbers.times;
import static dev.podium.training.loss.Smooth.logOneMinusExp;
import static dev.podium.training.loss.Smooth.logSigmoid;
import static dev.podium.training.loss.Smooth.sigmoid;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * Direct preference optimisation and its relatives, under TRL's names. Each maps pairs to a loss per pair ([n]); the
 * reduction is {@link Reduction#weightedMean}.
 *
 * <p>Symbols: c, r = log-ratios of chosen and rejected to the reference, D = c - r, |c|, |r| = completion lengths, b =
 * beta, e = label smoothing, s = sigmoid, ls = log sigmoid (as -softplus(-x), so that neither end overflows).
 */
public enum PreferenceLoss {
    /** -ls(b D). Rafailov et al. 2023, Direct Preference Optimization, eq. 7. */
    SIGMOID {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            return logSigmoid(times(pairs.difference(), beta)).neg();
        }
    },
    /** -(1-e) ls(bD) - e ls(-bD). Mitchell 2023, A note on DPO with noisy preferences. */
    CDPO {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray u = times(pairs.difference(), beta);
            return times(logSigmoid(u), 1 - labelSmoothing)
                    .add(times(logSigmoid(u.neg()), labelSmoothing))
                    .neg();
        }
    },
    /** [-(1-e) ls(bD) + e ls(-bD)] / (1 - 2e). Chowdhury et al. 2024, Provably robust DPO. */
    ROBUST {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray u = times(pairs.difference(), beta);
            NDArray smoothed = times(logSigmoid(u.neg()), labelSmoothing).sub(times(logSigmoid(u), 1 - labelSmoothing));
            return over(smoothed, 1 - 2 * labelSmoothing);
        }
    },
    /** max(0, 1 - b D). Zhao et al. 2023, SLiC-HF. */
    HINGE {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            return atLeast(plus(times(pairs.difference(), -beta), 1f), 0f);
        }
    },
    /** (c/|c| - r/|r| - 1/(2b))^2. Azar et al. 2023, eq. 17, with TRL's means over tokens. */
    IPO {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            return minus(pairs.differenceOfMeans(), 1 / (2 * beta)).square();
        }
    },
    /** -ls(b (c/|c| - r/|r|)): DPO on means over tokens, against a preference for length. */
    SIGMOID_NORM {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            return logSigmoid(times(pairs.differenceOfMeans(), beta)).neg();
        }
    },
    /** s(bD)[ls(bD) - log(1-e)] + s(-bD)[ls(-bD) - log e], e > 0. Ji et al. 2024, EXO, eq. 16. */
    EXO_PAIR {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            if (labelSmoothing <= 0) {
                throw new IllegalArgumentException("exo_pair needs labelSmoothing above 0 (0.001 is usual)");
            }
            NDArray u = times(pairs.difference(), beta);
            NDArray v = u.neg();
            return sigmoid(u)
                    .mul(minus(logSigmoid(u), Math.log(1 - labelSmoothing)))
                    .add(sigmoid(v).mul(minus(logSigmoid(v), Math.log(labelSmoothing))));
        }
    },
    /** -ls(bc) - ls(-bc)/2 - ls(-br)/2. Chen et al. 2024, noise contrastive alignment. */
    NCA_PAIR {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray c = times(pairs.chosenLogRatio(), beta);
            NDArray r = times(pairs.rejectedLogRatio(), beta);
            return logSigmoid(c)
                    .add(times(logSigmoid(c.neg()).add(logSigmoid(r.neg())), 0.5))
                    .neg();
        }
    },
    /** -ls(bc) - ls(-br). Jung et al. 2024, binary classifier optimization, without the moving mean. */
    BCO_PAIR {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray c = times(pairs.chosenLogRatio(), beta);
            NDArray r = times(pairs.rejectedLogRatio(), -beta);
            return logSigmoid(c).add(logSigmoid(r)).neg();
        }
    },
    /** (c - 1/(2b))^2 + (r + 1/(2b))^2. Wu et al. 2024, self-play preference optimization. */
    SPPO_HARD {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            double half = 1 / (2 * beta);
            return minus(pairs.chosenLogRatio(), half)
                    .square()
                    .add(plus(pairs.rejectedLogRatio(), half).square());
        }
    },
    /** 1 - s(bc) + s(br). D'Oosterlinck et al. 2024, anchored preference optimization, eq. 7. */
    APO_ZERO {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray c = sigmoid(times(pairs.chosenLogRatio(), beta));
            return plus(sigmoid(times(pairs.rejectedLogRatio(), beta)).sub(c), 1f);
        }
    },
    /** s(bc) + 1 - s(bD). D'Oosterlinck et al. 2024, eq. 8. */
    APO_DOWN {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray c = sigmoid(times(pairs.chosenLogRatio(), beta));
            return plus(c.sub(sigmoid(times(pairs.difference(), beta))), 1f);
        }
    },
    /** u = bD, w = s(u/0.05): (1-w)(-ls(u)) + w e^-u. Lu et al. 2024, DiscoPOP, eq. 5. */
    DISCOPOP {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray u = times(pairs.difference(), beta);
            NDArray w = sigmoid(over(u, 0.05));
            NDArray logistic = logSigmoid(u).mul(minus(w, 1f));
            // Where u is very negative w is 0 and e^-u overflows: 0 * infinity would be NaN.
            return logistic.add(w.mul(atMost(u.neg(), 60f).exp()));
        }
    },
    /** -ls(b (lc/|c| - lr/|r|) - 0.5), no reference. Meng et al. 2024, SimPO, eq. 6. */
    SIMPO {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray means = pairs.chosen()
                    .div(pairs.chosenLengths())
                    .sub(pairs.rejected().div(pairs.rejectedLengths()));
            return logSigmoid(minus(times(means, beta), SIMPO_MARGIN)).neg();
        }
    },
    /**
     * -mc - b ls((mc - mr) - (log(1 - e^mc) - log(1 - e^mr))), mc = lc/|c|, mr = lr/|r|, no reference. Hong et al. 2024,
     * ORPO, eq. 7.
     */
    ORPO {
        @Override
        public NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing) {
            NDArray mc = pairs.chosen().div(pairs.chosenLengths());
            NDArray mr = pairs.rejected().div(pairs.rejectedLengths());
            NDArray logOdds = mc.sub(mr).sub(logOneMinusExp(mc).sub(logOneMinusExp(mr)));
            return mc.add(times(logSigmoid(logOdds), beta)).neg();
        }
    };

    private static final double SIMPO_MARGIN = 0.5;

    /**
     * The loss of each pair, [n].
     *
     * @param beta strength of the pull to the reference, above 0
     * @param labelSmoothing probability that a label is wrong, in [0, 0.5); losses without e ignore it
     */
    public abstract NDArray perPair(PairLogProbabilities pairs, double beta, double labelSmoothing);

    /** TRL's name of the loss. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The loss of that name; empty when there is none. */
    public static Optional<PreferenceLoss> of(String label) {
        return Arrays.stream(values())
                .filter(loss -> loss.label().equals(label))
                .findFirst();
    }
}
