import { DescentError } from '../../../src/client/descent.ts';

/** What went wrong, in the server's own words. */
export function Problem({ error }: { error: unknown }) {
  if (error === undefined) return null;
  return (
    <p class="error" role="alert">
      {error instanceof DescentError ? error.message : String(error)}
    </p>
  );
}
