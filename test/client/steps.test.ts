import { expect, it } from 'vitest';
import { Descent, type JobEvent, type ResetEvent, type StepRow } from '../../src/client/descent.ts';
import { Installation } from '../end-to-end/installation.ts';
import { SMALL } from '../end-to-end/small-jobs.ts';

/** What is measured on the way, as the client gets it from real processes. */

const descent = await Installation.startForFile();
const { jobs } = new Descent({ url: descent.url });

const BREAKS = 3;

/** Hands on streams of events as they come, and breaks the first ones in a message of steps. */
class Line {
  /** What each connection asked to go on from. */
  readonly cursors: (string | null)[] = [];
  /** All blocks of all streams that came whole. */
  readonly blocks: string[] = [];

  readonly fetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
    const place = this.cursors.push(new Headers(init?.headers).get('last-event-id'));
    const decoder = new TextDecoder();
    let text = '';
    const through = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        this.blocks.push(...blocks);
        controller.enqueue(chunk);
        if (place <= BREAKS && blocks.some((block) => block.startsWith('event: job.steps')))
          controller.error(new TypeError('terminated'));
      },
    });
    return new Response(response.body!.pipeThrough(through), response);
  };

  get steps(): string[] {
    return this.blocks.filter((block) => block.startsWith('event: job.steps'));
  }

  /** The rows in all messages of steps. */
  get rows(): StepRow[] {
    const dataIn = (block: string) => block.slice(block.indexOf('data: ') + 6);
    return this.steps.flatMap((block) => (JSON.parse(dataIn(block)) as { data: StepRow[] }).data);
  }
}

it('loses no event to the steps between them, also when a connection breaks there', async () => {
  const line = new Line();
  const { jobs: over } = new Descent({ url: descent.url, fetch: line.fetch });
  const { id } = await jobs.create({
    ...SMALL,
    engine: 'reference',
    training: { epochs: 1000, log_every: 3 },
  });
  /** What was told live and is in the log, too: that has the steps up to the newest checkpoint. */
  const inLog = async () => {
    const { data } = await jobs.metrics(id, { granularity: 'step' });
    const last = data.at(-1)?.step ?? 0;
    return { data, told: line.rows.filter(({ step }) => step <= last) };
  };
  const events: (JobEvent | ResetEvent)[] = [];
  let isCancelled = false;
  for await (const event of over.events(id)) {
    events.push(event);
    if (event.type !== 'job.epoch' || isCancelled || line.cursors.length <= BREAKS) continue;
    isCancelled = (await inLog()).told.length > 0;
    if (isCancelled) await jobs.cancel(id);
  }
  expect(events).toEqual(await descent.events(id));
  expect(events.at(-1)).toMatchObject({ type: 'job.cancelled', seq: events.length });
  // Each connection goes on after an event that came before, whatever came between.
  const cursors = line.cursors.map(Number);
  expect(cursors[0]).toBe(0);
  expect(cursors).toEqual(cursors.toSorted((a, b) => a - b));
  expect(cursors.at(-1)).toBeLessThan(events.length);

  expect(line.steps.length).toBeGreaterThanOrEqual(BREAKS);
  for (const block of line.steps) expect(block).not.toMatch(/^id:/m);
  const { data, told } = await inLog();
  for (const row of told) expect(data).toContainEqual(row);
});

it('gives the steps that were logged, and what the doctor saw and said', async () => {
  const { id } = await jobs.create({
    ...SMALL,
    optimizer: { type: 'sgd', learning_rate: 1e-6 },
    training: { ...SMALL.training, log_every: 5 },
  });
  await jobs.wait(id);

  const { data, status } = await jobs.metrics(id, { granularity: 'step' });
  expect(status).toBe('succeeded');
  expect(data.map(({ step }) => step)).toEqual(Array.from({ length: 45 }, (_, i) => 5 * (i + 1)));
  expect(data[0]).toMatchObject({ epoch: 1, gradient_norm: expect.any(Number), mae: null });
  const later = await jobs.metrics(id, { granularity: 'step', after: 200 });
  expect(later.data).toEqual(data.slice(40));
  const thin = await jobs.metrics(id, { granularity: 'step', max_points: 10 });
  expect(thin.data.length).toBeLessThanOrEqual(10);
  for (const row of thin.data) expect(data).toContainEqual(row);

  const { epochs, verdicts } = await jobs.doctor(id);
  expect(epochs.map(({ epoch, layers }) => [epoch, layers.map(({ units }) => units)])).toEqual(
    [1, 2, 3].map((epoch) => [epoch, [16, 10]]),
  );
  const said = (await descent.events(id)).flatMap((event) =>
    event.type === 'job.verdict' ? [event.data] : [],
  );
  expect(said.map(({ rule }) => rule)).toContain('rate_too_low');
  expect(verdicts).toEqual(said);
});
