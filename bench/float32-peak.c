/* The machine's float32 peak on one core, in GFLOP/s: 24 independent sums of products, in the widest vectors that the
 * compiler has for this processor. The first figure fuses each multiplication with its addition. The second keeps them
 * apart, as our kernels have to, and multiplies for half of the sums before it adds: a processor that starts
 * multiplications and additions in different units (Zen 4) is as fast so, others take up to twice as long. */
#include <stdio.h>
#include <time.h>

#ifdef __AVX512F__
#define FLOATS 16
#elif defined(__AVX__)
#define FLOATS 8
#else
#define FLOATS 4
#endif
#define SUMS 24
#define GROUP 12
#define ROUNDS 4000000L

typedef float vec __attribute__((vector_size(4 * FLOATS)));

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* GFLOP/s of ROUNDS rounds. */
static double fusedRate(vec *sums, vec a, vec b) {
  vec sum[SUMS];
  for (int i = 0; i < SUMS; i++) sum[i] = sums[i];
  const double start = seconds();
  for (long round = 0; round < ROUNDS; round++) {
#pragma GCC unroll 24
    for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * b + a;
  }
  const double took = seconds() - start;
  for (int i = 0; i < SUMS; i++) sums[i] = sum[i];
  return 2.0 * FLOATS * SUMS * ROUNDS / took / 1e9;
}

__attribute__((optimize("fp-contract=off"))) static double separateRate(vec *sums, vec a, vec b) {
  vec sum[SUMS];
  for (int i = 0; i < SUMS; i++) sum[i] = sums[i];
  const double start = seconds();
  for (long round = 0; round < ROUNDS; round++) {
#pragma GCC unroll 2
    for (int from = 0; from < SUMS; from += GROUP) {
#pragma GCC unroll 12
      for (int i = from; i < from + GROUP; i++) sum[i] = sum[i] * b;
#pragma GCC unroll 12
      for (int i = from; i < from + GROUP; i++) sum[i] = sum[i] + a;
    }
  }
  const double took = seconds() - start;
  for (int i = 0; i < SUMS; i++) sums[i] = sum[i];
  return 2.0 * FLOATS * SUMS * ROUNDS / took / 1e9;
}

int main(int argc, char **argv) {
  (void)argv;
  vec sums[SUMS];
  for (int i = 0; i < SUMS; i++) sums[i] = (vec){0} + (float)i;
  const vec a = (vec){0} + (argc + 0.5f);
  const vec b = (vec){0} + 1e-9f;
  double fused = 0, separate = 0;
  for (int take = 0; take < 5; take++) {
    const double f = fusedRate(sums, a, b), s = separateRate(sums, a, b);
    if (f > fused) fused = f;
    if (s > separate) separate = s;
  }
  float seen = 0;
  for (int i = 0; i < SUMS; i++) seen += sums[i][0];
  printf("%.1f %.1f\n", fused, separate);
  return seen == 0.123f;
}
