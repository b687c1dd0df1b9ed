/** W3C Trace Context, version 00 and later: version, trace id, parent id, flags. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** The trace id of a `traceparent` header; undefined if there is none or it is malformed, as the standard asks. */
export function traceIdOf(header: string | string[] | undefined): string | undefined {
  const [, version, traceId, more] = (typeof header === 'string' && TRACEPARENT.exec(header)) || [];
  return version === '00' && more !== undefined ? undefined : traceId;
}
