import { describe, expect, it } from 'vitest';
import { newJobId, SUCCESS } from '../store/open-store.ts';
import { EventViewer, type Message } from './event-viewer.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();

const STREAM = { accept: 'text/event-stream' };

/** A viewer of GET /events that has had the first messages, and the id that it starts from. */
async function watch(query = ''): Promise<{ viewer: EventViewer; cursor: string }> {
  const viewer = await EventViewer.open(`${api.url}/events${query}`);
  expect(await viewer.block()).toBe('retry: 2000');
  const cursor = /^id: (\d+-\d+)$/.exec((await viewer.block())!)![1]!;
  return { viewer, cursor };
}

const resume = async (id: string, query = '') =>
  await EventViewer.open(`${api.url}/events${query}`, { 'last-event-id': id });

const told = (message: Message | undefined) => {
  const { id, job, event } = message!.data as {
    id: string;
    job: string;
    event: { type: string; seq: number };
  };
  expect([message!.id, message!.event]).toEqual([id, event.type]);
  return [job, event.type, event.seq];
};

async function succeed(id: string): Promise<void> {
  const token = await api.start(id);
  await api.transitions.finish(id, token, SUCCESS);
}

describe('GET /events', () => {
  it('tells what happens to all jobs from now on, each event with its job', async () => {
    const before = await api.create();
    const { viewer } = await watch();
    const one = await api.create();
    expect(told(await viewer.message())).toEqual([one.id, 'job.queued', 1]);
    await succeed(before.id);
    expect(told(await viewer.message())).toEqual([before.id, 'job.running', 2]);
    const last = await viewer.message();
    expect(last!.data).toMatchObject({
      job: before.id,
      event: { type: 'job.succeeded', data: { result: {} } },
    });
    expect(last!.id).toMatch(/^\d+-\d+$/);
  });

  it('misses nothing on a reconnect, even if nothing had been sent yet', async () => {
    const { viewer, cursor } = await watch();
    viewer.close();
    const ids = [await api.create(), await api.create(), await api.create()].map(({ id }) => id);
    const again = await resume(cursor);
    const first = await again.message();
    expect(told(first)).toEqual([ids[0], 'job.queued', 1]);
    again.close();
    const rest = await resume(first!.id!);
    expect(told(await rest.message())[0]).toBe(ids[1]);
    // As polyfills send it.
    const polyfill = await EventViewer.open(`${api.url}/events?lastEventId=&lastEventId=${first!.id}`);
    expect(told(await polyfill.message())[0]).toBe(ids[1]);
  });

  it('keeps to the jobs that are named, and ends with them', async () => {
    const [one, two, other] = [await api.create(), await api.create(), await api.create()];
    const { viewer, cursor } = await watch(`?jobs=${one.id},${two.id}`);
    await succeed(other.id);
    await succeed(one.id);
    await api.request({ method: 'POST', url: `/jobs/${two.id}/cancel` });
    const all = await viewer.messages();
    expect(all.map(told)).toEqual([
      [one.id, 'job.running', 2],
      [one.id, 'job.succeeded', 3],
      [two.id, 'job.cancelled', 2],
    ]);
    const rest = await (await resume(all[1]!.id!, `?jobs=${one.id},${two.id}`)).messages();
    expect(rest.map(told)).toEqual([[two.id, 'job.cancelled', 2]]);
    const over = { url: `/events?jobs=${one.id},${two.id}`, headers: STREAM };
    expect((await api.request(over)).statusCode).toBe(204);
    const seen = { ...over, headers: { ...STREAM, 'last-event-id': all.at(-1)!.id! } };
    expect((await api.request(seen)).statusCode).toBe(204);
    expect((await (await resume(cursor, `?jobs=${one.id},${two.id}`)).messages()).map(told)).toHaveLength(3);
  });

  it('keeps to the jobs with a pair of metadata', async () => {
    const { viewer } = await watch('?metadata[sweep]=a');
    await api.create({ metadata: { sweep: 'b' } });
    await api.create();
    const wanted = await api.create({ metadata: { sweep: 'a', other: 'x' } });
    expect(told(await viewer.message())).toEqual([wanted.id, 'job.queued', 1]);
  });

  it('leaves out a job that is gone', async () => {
    const { viewer, cursor } = await watch();
    viewer.close();
    const { id } = await api.create();
    await api.request({ method: 'POST', url: `/jobs/${id}/cancel` });
    await api.request({ method: 'DELETE', url: `/jobs/${id}` });
    const next = await api.create();
    expect(told(await (await resume(cursor)).message())[0]).toBe(next.id);
  });

  it('says once that it cannot go on where the viewer was, and goes on from now', async () => {
    const { cursor } = await watch();
    await api.create();
    await api.create();
    // What the feed does with its oldest entries when it is full.
    await api.redis.xtrim(api.keys.feed('local'), 'MAXLEN', 1);
    for (const lost of [cursor, '999999999999999-0']) {
      const viewer = await resume(lost);
      const reset = await viewer.message();
      expect(reset).toMatchObject({ event: 'reset', data: {} });
      const { id } = await api.create();
      expect(told(await viewer.message())).toEqual([id, 'job.queued', 1]);
      const after = await resume(reset!.id!);
      expect(told(await after.message())).toEqual([id, 'job.queued', 1]);
    }
  });

  it('is also a list, page by page from the oldest that is remembered', async () => {
    const metadata = { list: 'a' };
    const ids = [await api.create({ metadata }), await api.create({ metadata })].map(({ id }) => id);
    const list = async (query: string) => (await api.request({ url: `/events?${query}` })).json();
    const seen: string[] = [];
    let after = '0-0';
    for (;;) {
      const page = await list(`metadata[list]=a&limit=2&after=${after}`);
      expect(page.reset).toBe(false);
      seen.push(...page.data.map(({ job }: { job: string }) => job));
      after = page.last_id;
      if (!page.has_more) break;
    }
    expect(seen).toEqual(ids);
    expect(await list(`after=${after}`)).toEqual({
      object: 'list',
      data: [],
      has_more: false,
      last_id: after,
      reset: false,
    });
    const lost = await list('after=999999999999999-0');
    expect(lost).toMatchObject({ data: [], last_id: after, reset: true });
    const live = await resume(after);
    const next = await api.create();
    expect(told(await live.message())[0]).toBe(next.id);
  });

  it('refuses ids that are none, jobs that are not there, and other media types', async () => {
    for (const id of ['x', '1', '-', '1-', '1-2-3']) {
      const header = await api.request({ url: '/events', headers: { ...STREAM, 'last-event-id': id } });
      expectProblem(header, 422, 'validation_failed');
      const query = await api.request({ url: `/events?lastEventId=${id}`, headers: STREAM });
      expectProblem(query, 422, 'validation_failed');
    }
    const nobody = newJobId();
    const { detail } = expectProblem(
      await api.request({ url: `/events?jobs=${nobody}`, headers: STREAM }),
      404,
      'job_not_found',
    );
    expect(detail).toContain(nobody);
    expectProblem(
      await api.request({ url: '/events', headers: { accept: 'image/png' } }),
      406,
      'not_acceptable',
    );
  });
});
