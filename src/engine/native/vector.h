/**
 * The vectors that all loops use: WIDTH floats each, 4, 8 or 16, set by the build. They run along the columns of a
 * panel, never along a sum, so that every width gives the same bits.
 */

#pragma once

#include "memory.h"

/** Vectors per row of a panel. */
#define VECTORS (PANEL_COLUMNS / WIDTH)

#define EACH_VECTOR _Pragma("GCC unroll 4") for (int v = 0; v < VECTORS; v += 1)

typedef float Vector __attribute__((vector_size(4 * WIDTH)));
typedef int32_t Mask __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t Words __attribute__((vector_size(4 * WIDTH)));
/** A vector in memory, stored as floats. */
typedef Vector Stored __attribute__((may_alias));

/** A register of doubles, the floats they are converted from and to, and integers of the same size for their bits. */
#define DOUBLES (WIDTH / 2)
typedef double Doubles __attribute__((vector_size(4 * WIDTH)));
typedef float Half __attribute__((vector_size(2 * WIDTH)));
typedef Half StoredHalf __attribute__((may_alias));
typedef int64_t Longs __attribute__((vector_size(4 * WIDTH)));

INLINE Doubles loadDoubles(const float *at, float less) {
  return __builtin_convertvector(*(const StoredHalf *)at - less, Doubles);
}

INLINE void storeDoubles(float *at, Doubles x) {
  *(StoredHalf *)at = __builtin_convertvector(x, Half);
}

/** mask ? a : b */
INLINE Doubles choose(Longs mask, Doubles a, Doubles b) {
  return (Doubles)(((Longs)a & mask) | ((Longs)b & ~mask));
}

/** A row of a panel: 16 columns, in registers. */
typedef struct {
  Vector v[VECTORS];
} Row;

INLINE Vector loadVector(const float *at) {
  return *(const Stored *)at;
}

INLINE void storeVector(float *at, Vector x) {
  *(Stored *)at = x;
}

/** x where the mask is set, +0 elsewhere. */
INLINE Vector only(Mask mask, Vector x) {
  return (Vector)((Mask)x & mask);
}

/** mask ? a : b */
INLINE Vector chooseVector(Mask mask, Vector a, Vector b) {
  return (Vector)(((Mask)a & mask) | ((Mask)b & ~mask));
}

/** a < b ? b : a, so that a NaN in a is kept. */
INLINE Vector larger(Vector a, Vector b) {
  const Mask less = a < b;
  return (Vector)(((Mask)a & ~less) | ((Mask)b & less));
}

/** The correctly rounded square root of each lane; compilers turn the loop into one instruction. */
INLINE Vector squareRoot(Vector x) {
  float lanes[WIDTH];
  memcpy(lanes, &x, sizeof x);
  for (int k = 0; k < WIDTH; k += 1) lanes[k] = __builtin_sqrtf(lanes[k]);
  memcpy(&x, lanes, sizeof x);
  return x;
}

INLINE Row zeroRow(void) {
  Row row;
  EACH_VECTOR row.v[v] = (Vector){};
  return row;
}

INLINE Row loadRow(const float *at) {
  Row row;
  EACH_VECTOR row.v[v] = loadVector(at + v * WIDTH);
  return row;
}

INLINE void storeRow(float *at, Row row) {
  EACH_VECTOR storeVector(at + v * WIDTH, row.v[v]);
}

INLINE Row addRows(Row a, Row b) {
  EACH_VECTOR a.v[v] = a.v[v] + b.v[v];
  return a;
}

/** sum + x * row: a rounded product, then a rounded addition. */
INLINE Row addScaled(Row sum, float x, Row row) {
  EACH_VECTOR sum.v[v] = sum.v[v] + x * row.v[v];
  return sum;
}
