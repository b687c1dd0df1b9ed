/** The same with a value, or without it if it was there. */
export function toggled<Value>(values: ReadonlySet<Value>, value: Value): Set<Value> {
  const next = new Set(values);
  if (!next.delete(value)) next.add(value);
  return next;
}
