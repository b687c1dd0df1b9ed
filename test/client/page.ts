import { Descent, type JobSpec } from '../../src/client/descent.ts';

/** A web page of another origin, bundled with the client and run in a browser. It reports to its own server. */

export interface Answer {
  request: string;
  status: number;
  /** Those that the browser shows to the page. */
  headers: Record<string, string>;
}

export interface Report {
  /** What went wrong, if anything. */
  error: string | null;
  /** The client's requests. */
  answers: Answer[];
  job?: string;
  /** Of the job that the same Idempotency-Key names. */
  again?: string;
  status?: string;
  events?: number[];
  /** What a stream too many is told. */
  refusal?: { code: string; retryAfterSeconds: number | undefined } | undefined;
  label?: string;
  /** What a page that is not allowed gets instead of an answer. */
  refused: string[];
}

const SPEC: JobSpec = { dataset: 'mnist_sample', model: { hidden_units: [8] }, training: { epochs: 2 } };

const { searchParams, origin } = new URL(import.meta.url);
const parameter = (name: string): string => searchParams.get(name)!;

const report: Report = { error: null, answers: [], refused: [] };

const descent = new Descent({
  url: parameter('api'),
  apiKey: parameter('key'),
  fetch: async (input, init) => {
    const response = await fetch(input, init);
    report.answers.push({
      request: `${init!.method} ${new URL(String(input)).pathname}`,
      status: response.status,
      headers: Object.fromEntries(response.headers),
    });
    return response;
  },
});

async function useDescent(): Promise<void> {
  const { jobs } = descent;
  const { id } = await jobs.create(SPEC, { idempotencyKey: 'page' });
  report.job = id;
  report.again = (await jobs.create(SPEC, { idempotencyKey: 'page' })).id;
  report.events = [];
  for await (const { seq } of jobs.events(id)) {
    report.events.push(seq);
    if (seq > 1) continue;
    report.refusal = await jobs
      .events(id)
      .next()
      .then(
        () => undefined,
        ({ code, retryAfterSeconds }) => ({ code, retryAfterSeconds }),
      );
  }
  report.status = (await jobs.get(id)).status;
  await (await jobs.model(id)).body.cancel();
  const black = new Blob([new Uint8Array(784)]);
  const answer = await jobs.predict(id, black);
  if (answer.task === 'classification') report.label = answer.data[0]!.label;
}

/** All that a page can try by itself. */
async function tryDescent(): Promise<void> {
  const jobs = `${parameter('api')}/jobs`;
  const attempts: RequestInit[] = [
    { headers: { authorization: `Bearer ${parameter('key')}` } },
    { method: 'POST', body: JSON.stringify(SPEC), headers: { 'content-type': 'application/json' } },
    // The browser sends these two without asking the server first.
    { method: 'POST', mode: 'no-cors' },
    {
      method: 'POST',
      mode: 'no-cors',
      body: JSON.stringify(SPEC),
      headers: { 'content-type': 'text/plain' },
    },
  ];
  for (const attempt of attempts) {
    report.refused.push(
      await fetch(jobs, attempt).then(
        ({ type, status }) => `${type} ${status}`,
        (error: Error) => error.name,
      ),
    );
  }
}

await (parameter('act') === 'use' ? useDescent() : tryDescent()).catch((error: Error) => {
  report.error = `${error.name}: ${error.message}`;
});
await fetch(`${origin}/report`, { method: 'POST', body: JSON.stringify(report) });
