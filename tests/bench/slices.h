/* slices: two-stacks and DABA, as the literature has them, over the operator of the engine's panes, beside what the engine
 * does itself. Prints; judges nothing but that all give the same.
 * Thread: one. */
#ifndef RS_TESTS_BENCH_SLICES_H
#define RS_TESTS_BENCH_SLICES_H

/* Returns an exit status. */
int slices_bench(void);

#endif
