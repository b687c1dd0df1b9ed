/* The machine's float32 peak on one core, in GFLOP/s: 24 independent sums of fused multiply-adds, in the widest vectors
 * that the compiler has for this processor. Our kernels may not fuse, so half of it is the most that they can have. */
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

typedef float vec __attribute__((vector_size(4 * FLOATS)));

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int argc, char **argv) {
  (void)argv;
  const long rounds = 20000000;
  vec sum[SUMS], a, b;
  for (int i = 0; i < SUMS; i++) sum[i] = (vec){0} + (float)i;
  a = (vec){0} + (argc + 0.5f);
  b = (vec){0} + 1e-9f;
  double best = 0;
  for (int take = 0; take < 5; take++) {
    const double start = seconds();
    for (long round = 0; round < rounds / 10; round++)
#pragma GCC unroll 24
      for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * b + a;
    const double gflops = 2.0 * FLOATS * SUMS * (double)(rounds / 10) / (seconds() - start) / 1e9;
    if (gflops > best) best = gflops;
  }
  float seen = 0;
  for (int i = 0; i < SUMS; i++) seen += sum[i][0];
  printf("%.1f\n", best);
  return seen == 0.123f;
}
