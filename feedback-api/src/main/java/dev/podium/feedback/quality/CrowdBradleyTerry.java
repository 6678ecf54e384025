package dev.podium.feedback.quality;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Crowd-BT (Chen, Bennett, Collins-Thompson and Horvitz, WSDM 2013) over many small tasks: labeler w says i over j with
 * probability eta_w s(r_i - r_j) + (1 - eta_w) s(r_j - r_i), s the logistic function. Maximises the sum of the logarithms
 * with a Beta prior on eta and a standard normal one on each rating, by EM: the expected share of votes that a labeler
 * gave in earnest, then eta in closed form, and the ratings of each task by Newton's method (convex, small).
 */
public final class CrowdBradleyTerry {
    /** Prior of eta, Beta(a, b): four votes of five in earnest, as sure as five votes make it. */
    static final double PRIOR_A = 5;

    static final double PRIOR_B = 2;

    private static final int MOST_STEPS = 500;
    private static final int NEWTON_STEPS = 30;
    private static final double CONVERGED = 1e-9;

    private CrowdBradleyTerry() {}

    /**
     * One vote: a labeler puts an output of a task above another.
     *
     * @param labeler index
     * @param task index
     * @param winner index within the task
     * @param loser index within the task
     */
    public record Vote(int labeler, int task, int winner, int loser) {}

    /**
     * The estimate.
     *
     * @param eta by labeler, the share of votes in earnest: 1 is always right, 0.5 is chance, 0 always the opposite
     * @param votes by labeler
     * @param steps until it stood still
     */
    public record Estimate(double[] eta, int[] votes, int steps) {
        /** What a labeler's vote weighs: nothing at chance or below, 1 where it is always right. */
        public double weight(int labeler) {
            return Math.clamp(2 * eta[labeler] - 1, 0, 1);
        }
    }

    /**
     * Estimates.
     *
     * @param outputs number of outputs of each task
     */
    public static Estimate estimate(List<Vote> votes, int labelers, int[] outputs) {
        double[] eta = new double[labelers];
        Arrays.fill(eta, (PRIOR_A - 1) / (PRIOR_A + PRIOR_B - 2));
        int[] counts = new int[labelers];
        List<List<Vote>> byTask = new ArrayList<>();
        double[][] ratings = new double[outputs.length][];
        for (int task = 0; task < outputs.length; task++) {
            byTask.add(new ArrayList<>());
            ratings[task] = new double[outputs[task]];
        }
        for (Vote vote : votes) {
            counts[vote.labeler()]++;
            byTask.get(vote.task()).add(vote);
        }
        startByVotes(byTask, ratings);
        int step = 0;
        double moved = Double.MAX_VALUE;
        while (moved > CONVERGED && step < MOST_STEPS) {
            step++;
            double[] earnest = new double[labelers];
            for (int task = 0; task < outputs.length; task++) {
                double[] shares = shares(byTask.get(task), ratings[task], eta);
                for (int v = 0; v < shares.length; v++) {
                    earnest[byTask.get(task).get(v).labeler()] += shares[v];
                }
                newton(byTask.get(task), shares, ratings[task]);
            }
            moved = 0;
            for (int w = 0; w < labelers; w++) {
                double next = (PRIOR_A - 1 + earnest[w]) / (PRIOR_A + PRIOR_B - 2 + counts[w]);
                moved = Math.max(moved, Math.abs(next - eta[w]));
                eta[w] = next;
            }
        }
        return new Estimate(eta, counts, step);
    }

    /** From all ratings equal every vote says as much for as against. */
    private static void startByVotes(List<List<Vote>> byTask, double[][] ratings) {
        for (int task = 0; task < ratings.length; task++) {
            for (Vote vote : byTask.get(task)) {
                ratings[task][vote.winner()] += 0.1;
                ratings[task][vote.loser()] -= 0.1;
            }
            for (int i = 0; i < ratings[task].length; i++) {
                ratings[task][i] = Math.clamp(ratings[task][i], -1, 1);
            }
        }
    }

    /** How likely each vote was given in earnest. */
    private static double[] shares(List<Vote> votes, double[] ratings, double[] eta) {
        double[] shares = new double[votes.size()];
        for (int v = 0; v < shares.length; v++) {
            Vote vote = votes.get(v);
            double p = logistic(ratings[vote.winner()] - ratings[vote.loser()]);
            double right = eta[vote.labeler()] * p;
            shares[v] = right / (right + (1 - eta[vote.labeler()]) * (1 - p));
        }
        return shares;
    }

    private static void newton(List<Vote> votes, double[] shares, double[] r) {
        int k = r.length;
        for (int step = 0; step < NEWTON_STEPS; step++) {
            double[] gradient = r.clone();
            double[][] hessian = new double[k][k];
            for (int i = 0; i < k; i++) {
                hessian[i][i] = 1;
            }
            for (int v = 0; v < shares.length; v++) {
                int i = votes.get(v).winner();
                int j = votes.get(v).loser();
                double p = logistic(r[i] - r[j]);
                gradient[i] -= shares[v] - p;
                gradient[j] += shares[v] - p;
                double curvature = p * (1 - p);
                hessian[i][i] += curvature;
                hessian[j][j] += curvature;
                hessian[i][j] -= curvature;
                hessian[j][i] -= curvature;
            }
            double[] direction = solve(hessian, gradient);
            double length = 0;
            for (int i = 0; i < k; i++) {
                // Far from the minimum a whole step of Newton's may overshoot; ratings are a few units at most.
                r[i] -= Math.clamp(direction[i], -1, 1);
                length = Math.max(length, Math.abs(direction[i]));
            }
            if (length < 1e-12) {
                return;
            }
        }
    }

    private static double logistic(double x) {
        return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
    }

    /** Cholesky: the matrix is positive definite by the prior. */
    private static double[] solve(double[][] matrix, double[] right) {
        int n = right.length;
        double[][] l = new double[n][n];
        double[] x = right.clone();
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                double sum = matrix[i][j];
                for (int k = 0; k < j; k++) {
                    sum -= l[i][k] * l[j][k];
                }
                l[i][j] = i == j ? Math.sqrt(sum) : sum / l[j][j];
            }
        }
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < i; k++) {
                x[i] -= l[i][k] * x[k];
            }
            x[i] /= l[i][i];
        }
        for (int i = n - 1; i >= 0; i--) {
            for (int k = i + 1; k < n; k++) {
                x[i] -= l[k][i] * x[k];
            }
            x[i] /= l[i][i];
        }
        return x;
    }
}
