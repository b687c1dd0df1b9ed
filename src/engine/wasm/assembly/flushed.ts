/** The new value of a slot that decays: +0 where it would be denormal (rule 13), that is, where its exponent is 0. */
@inline
export function flushed(s: v128): v128 {
  return v128.and(s, i32x4.ne(v128.and(s, i32x4.splat(0x7f800000)), i32x4.splat(0)));
}
