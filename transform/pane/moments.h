/* moments: statistics of third and fourth powers, and of two inputs. All are ratios of whole numbers, or roots of
 * such, with one rounding at the end.
 *
 * With n values, S1 to S4 the sums of their powers, and N2 = n S2 - S1^2, which is n^2 times the population variance,
 *
 *     N3 = n^2 S3 - 3 n S1 S2 + 2 S1^3                   n^3 times the third central moment
 *     N4 = n^3 S4 - 4 n^2 S1 S3 + 6 n S1^2 S2 - 3 S1^4   n^4 times the fourth
 *
 *     skewness_pop  g1 = N3 / N2^(3/2)           skewness  G1 = g1 sqrt(n (n - 1)) / (n - 2)
 *     kurtosis_pop  g2 = N4 / N2^2 - 3           kurtosis  G2 = (n - 1) ((n + 1) g2 + 6) / ((n - 2) (n - 3))
 *
 * (D. N. Joanes and C. A. Gill, "Comparing measures of sample skewness and kurtosis", 1998; G1 and G2 are what DuckDB and
 * pandas call skewness and kurtosis.) Scales cancel. With two inputs, Cxy = n Sxy - Sx Sy and Cxx, Cyy alike,
 *
 *     covariance   Cxy / (n (n - 1))             correlation   Cxy / sqrt(Cxx Cyy)
 *     slope        Cxy / Cxx                     r2            Cxy^2 / (Cxx Cyy)
 *     intercept    (Sy Sxx - Sx Sxy) / Cxx
 *
 * (SQL:2003, covar_samp, covar_pop, corr, regr_slope, regr_intercept, regr_r2.)
 * Thread: the owner of the scratch. */
#ifndef RS_TRANSFORM_PANE_MOMENTS_H
#define RS_TRANSFORM_PANE_MOMENTS_H

#include "transform/pane/sums.h"

struct rs_moment_scratch {
    struct rs_pane_number s1, s2, s3, s4; /* or of x, y, xx, yy */
    struct rs_pane_number xy;
    struct rs_pane_number a, b, c, d;
    struct rs_exact divisor;
};

/* These return false where there is no value: too few events, all values equal, a sum that was lost. */
RS_MUST_USE bool rs_pane_skewness(const struct rs_pane_sums *from, const struct rs_pane_input *in,
                                  bool sample, struct rs_moment_scratch *s, double *out);
RS_MUST_USE bool rs_pane_kurtosis(const struct rs_pane_sums *from, const struct rs_pane_input *in,
                                  bool sample, struct rs_moment_scratch *s, double *out);
/* The field is one of covariance to r2. */
RS_MUST_USE bool rs_pane_joint_value(const struct rs_pane_sums *from, const struct rs_pane_field *field,
                                     struct rs_moment_scratch *s, double *out);

#endif
