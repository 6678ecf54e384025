package dev.podium.feedback.aggregation;

/**
 * Bradley-Terry with ties after Davidson (1970): with a = e^{r_i}, b = e^{r_j}, P(i>j) = a/(a+b+v sqrt(ab)) and P(tie) =
 * v sqrt(ab)/(a+b+v sqrt(ab)). Minimises
 *
 * <pre>
 *   -sum_{i&lt;j} [n_ij log P(i&gt;j) + n_ji log P(j&gt;i) + t_ij log P(tie)] + ridge/2 (sum_i r_i^2 + (log v)^2)
 * </pre>
 *
 * by Newton's method: the loss is convex in r and log v, and the ridge makes the minimum finite and the only one, with
 * ratings of mean 0. Without a tied vote v is 0, and log v is no variable.
 */
final class BradleyTerry {
    /** Scores closer than this are equal. */
    static final double APART = 1e-7;

    private static final int MOST_STEPS = 100;
    private static final double CONVERGED = 1e-12;

    private BradleyTerry() {}

    /** Ratings, and log v; NaN where there are no ties. */
    record Fit(double[] scores, double logTie) {}

    static Fit fit(double[][] above, double[][] tied, double ridge) {
        int k = above.length;
        boolean ties = sum(tied) > 0;
        int n = ties ? k + 1 : k;
        double[] at = new double[n];
        double loss = loss(at, above, tied, ridge, ties);
        for (int step = 0; step < MOST_STEPS; step++) {
            double[] gradient = new double[n];
            double[][] hessian = new double[n][n];
            derive(at, above, tied, ridge, ties, gradient, hessian);
            double[] direction = solve(hessian, gradient);
            double length = 0;
            double scale = 1;
            double[] next = moved(at, direction, scale);
            double nextLoss = loss(next, above, tied, ridge, ties);
            while (nextLoss > loss && scale > 1e-10) {
                scale /= 2;
                next = moved(at, direction, scale);
                nextLoss = loss(next, above, tied, ridge, ties);
            }
            for (double d : direction) {
                length = Math.max(length, Math.abs(d) * scale);
            }
            at = next;
            loss = nextLoss;
            if (length < CONVERGED) {
                break;
            }
        }
        return new Fit(java.util.Arrays.copyOf(at, k), ties ? at[k] : Double.NaN);
    }

    private static double[] moved(double[] at, double[] direction, double scale) {
        double[] next = at.clone();
        for (int i = 0; i < next.length; i++) {
            next[i] -= scale * direction[i];
        }
        return next;
    }

    private static double sum(double[][] matrix) {
        double sum = 0;
        for (double[] row : matrix) {
            for (double value : row) {
                sum += value;
            }
        }
        return sum;
    }

    private static double loss(double[] x, double[][] above, double[][] tied, double ridge, boolean ties) {
        int k = above.length;
        double loss = 0;
        for (double value : x) {
            loss += ridge / 2 * value * value;
        }
        for (int i = 0; i < k; i++) {
            for (int j = i + 1; j < k; j++) {
                double tie = ties ? x[k] + (x[i] + x[j]) / 2 : Double.NEGATIVE_INFINITY;
                double top = Math.max(Math.max(x[i], x[j]), tie);
                double all =
                        top + Math.log(Math.exp(x[i] - top) + Math.exp(x[j] - top) + (ties ? Math.exp(tie - top) : 0));
                loss -= above[i][j] * (x[i] - all) + above[j][i] * (x[j] - all);
                if (ties) {
                    loss -= tied[i][j] * (tie - all);
                }
            }
        }
        return loss;
    }

    /** A multinomial logit: the gradient is expected minus observed, the Hessian the covariance of the features. */
    private static void derive(
            double[] x,
            double[][] above,
            double[][] tied,
            double ridge,
            boolean ties,
            double[] gradient,
            double[][] hessian) {
        int k = above.length;
        for (int i = 0; i < x.length; i++) {
            gradient[i] += ridge * x[i];
            hessian[i][i] += ridge;
        }
        for (int i = 0; i < k; i++) {
            for (int j = i + 1; j < k; j++) {
                double t = ties ? tied[i][j] : 0;
                double votes = above[i][j] + above[j][i] + t;
                if (votes == 0) {
                    continue;
                }
                double d = x[i] - x[j];
                double tie = ties ? Math.exp(x[k] - Math.abs(d) / 2) : 0;
                double winner = 1 / (1 + Math.exp(-Math.abs(d)) + tie);
                double loser = Math.exp(-Math.abs(d)) * winner;
                double pi = d >= 0 ? winner : loser;
                double pj = d >= 0 ? loser : winner;
                double pt = tie * winner;
                // Features of the three outcomes on (r_i, r_j, log v): (1,0,0), (0,1,0), (1/2,1/2,1).
                double ei = pi + pt / 2;
                double ej = pj + pt / 2;
                gradient[i] += votes * ei - above[i][j] - t / 2;
                gradient[j] += votes * ej - above[j][i] - t / 2;
                hessian[i][i] += votes * (pi + pt / 4 - ei * ei);
                hessian[j][j] += votes * (pj + pt / 4 - ej * ej);
                hessian[i][j] += votes * (pt / 4 - ei * ej);
                hessian[j][i] += votes * (pt / 4 - ei * ej);
                if (ties) {
                    gradient[k] += votes * pt - t;
                    hessian[k][k] += votes * (pt - pt * pt);
                    hessian[i][k] += votes * (pt / 2 - ei * pt);
                    hessian[k][i] += votes * (pt / 2 - ei * pt);
                    hessian[j][k] += votes * (pt / 2 - ej * pt);
                    hessian[k][j] += votes * (pt / 2 - ej * pt);
                }
            }
        }
    }

    /** Gaussian elimination with pivots; the matrix is small and positive definite. */
    static double[] solve(double[][] matrix, double[] right) {
        int n = right.length;
        double[][] a = new double[n][];
        double[] b = right.clone();
        for (int i = 0; i < n; i++) {
            a[i] = matrix[i].clone();
        }
        for (int column = 0; column < n; column++) {
            int pivot = column;
            for (int row = column + 1; row < n; row++) {
                pivot = Math.abs(a[row][column]) > Math.abs(a[pivot][column]) ? row : pivot;
            }
            double[] swapped = a[pivot];
            a[pivot] = a[column];
            a[column] = swapped;
            double value = b[pivot];
            b[pivot] = b[column];
            b[column] = value;
            for (int row = column + 1; row < n; row++) {
                double factor = a[row][column] / a[column][column];
                for (int c = column; c < n; c++) {
                    a[row][c] -= factor * a[column][c];
                }
                b[row] -= factor * b[column];
            }
        }
        for (int row = n - 1; row >= 0; row--) {
            for (int c = row + 1; c < n; c++) {
                b[row] -= a[row][c] * b[c];
            }
            b[row] /= a[row][row];
        }
        return b;
    }
}
