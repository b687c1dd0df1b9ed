import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeliveryList } from '../../src/contract/delivery.ts';
import type { Job } from '../../src/contract/job.ts';
import { ApiKeys } from '../../src/store/api-keys.ts';
import { WebhookMessages } from '../../src/store/webhook-messages.ts';
import { WebhookSender } from '../../src/webhooks/sender.ts';
import { FAILURE, newJobId, startOf } from '../store/open-store.ts';
import { Receiver, SECRET } from '../webhooks/receiver.ts';
import { expectProblem, openApi } from './open-api.ts';

const URL = 'https://example.org/hooks?token=c4nary';
const ENDINGS = ['job.succeeded', 'job.failed', 'job.cancelled'];

const api = openApi();
const off = openApi({ webhookRules: { on: false, allowPrivate: false, forAll: false } });
const forAll = openApi({ webhookRules: { on: true, allowPrivate: true, forAll: true } });
const keyed = openApi({ auth: 'keys' });

async function deliveriesOf(of: typeof api, id: string, headers = {}): Promise<DeliveryList> {
  const response = await of.request({ url: `/jobs/${id}/deliveries`, headers });
  expect(response.statusCode, response.body).toBe(200);
  return response.json();
}

async function cancelled(of: typeof api, spec: object): Promise<string> {
  const { id } = await of.create(spec);
  await of.request({ method: 'POST', url: `/jobs/${id}/cancel` });
  return id;
}

describe('the webhooks of a new job', () => {
  it('are no part of its spec, and their deliveries list shows them', async () => {
    const job = await api.create({
      webhooks: [{ url: 'https://EXAMPLE.org/ä b', events: ['job.running', 'job.running'] }],
    });
    expect(job.spec).not.toHaveProperty('webhooks');
    expect(JSON.stringify((await api.request({ url: `/jobs/${job.id}` })).json())).not.toContain(
      'example.org',
    );
    expect(await deliveriesOf(api, job.id)).toEqual({
      object: 'list',
      webhooks: [{ url: 'https://example.org/%C3%A4%20b', events: ['job.running'] }],
      data: [],
      has_more: false,
    });
  });

  it.each([
    [[{ url: 'https://example.org:22/' }], '/webhooks/0/url', 'an http or https URL'],
    [[{ url: URL }, { url: 'ftp://example.org/' }], '/webhooks/1/url', 'an http or https URL'],
    [[{ url: 'http://169.254.169.254/' }], '/webhooks/0/url', 'WEBHOOK_ALLOW_PRIVATE'],
    [[{ url: 'http://0x7f.1/' }], '/webhooks/0/url', 'WEBHOOK_ALLOW_PRIVATE'],
    [[{ url: URL, events: [] }], '/webhooks/0/events', '1 to 4'],
    [[{ url: URL, events: ['job.epoch'] }], '/webhooks/0/events/0', 'job.running'],
    [[{ url: URL, secret: 'x' }], '/webhooks/0/secret', 'is unknown'],
    [[{}], '/webhooks/0/url', 'an http or https URL'],
    [Array(5).fill({ url: URL }), '/webhooks', 'at most 4'],
    [{ url: URL }, '/webhooks', ''],
  ])('%j is refused, by validate as well', async (webhooks, pointer, detail) => {
    const refused = { pointer, detail: expect.stringContaining(detail) };
    for (const url of ['/jobs', '/jobs/validate']) {
      const response = await api.request({ method: 'POST', url, payload: { webhooks } });
      expect(expectProblem(response, 422, 'validation_failed').errors).toMatchObject([refused]);
    }
  });

  it('are refused where the operator has set no secret, and an empty list is not', async () => {
    const { errors } = expectProblem(await off.post({ webhooks: [{ url: URL }] }), 422, 'validation_failed');
    expect(errors).toMatchObject([{ detail: expect.stringContaining('WEBHOOK_SECRET') }]);
    await off.create({ webhooks: [] });
  });

  it("have the operator's beside them, whose URL nobody sees", async () => {
    const id = await cancelled(forAll, { webhooks: [{ url: 'http://localhost:8080/' }] });
    const { webhooks, data } = await deliveriesOf(forAll, id);
    expect(webhooks).toEqual([
      { url: 'http://localhost:8080/', events: ENDINGS },
      { url: null, events: ENDINGS },
    ]);
    expect(data.map(({ url, event, state }) => [url, event, state])).toEqual([
      ['http://localhost:8080/', 'job.cancelled', 'pending'],
      [null, 'job.cancelled', 'pending'],
    ]);
  });

  it('belong to the body that an Idempotency-Key remembers', async () => {
    const key = { 'idempotency-key': 'hooks' };
    const first = await api.post({ webhooks: [{ url: URL }] }, key);
    expect((await api.post({ webhooks: [{ url: URL }] }, key)).body).toBe(first.body);
    expectProblem(await api.post({}, key), 422, 'idempotency_key_reused');
  });
});

describe('the deliveries of a job', () => {
  let receiver: Receiver;
  let sender: WebhookSender;
  beforeAll(async () => {
    receiver = await Receiver.start();
    const settings = { secret: SECRET, urlForAll: receiver.url, allowPrivate: true, version: '0.0.0' };
    const messages = new WebhookMessages(forAll.redis, forAll.keys);
    sender = new WebhookSender(messages, forAll.store, settings, { info() {}, warn() {}, error() {} });
  });
  afterAll(async () => await receiver.close());

  async function send(): Promise<void> {
    await sender.look();
    await sender.idle();
  }

  it('can be made again, with the same id, until the receiver has them', async () => {
    await forAll.redis.del(forAll.keys.lanes);
    const id = await cancelled(forAll, {});
    receiver.answer = (response) => response.writeHead(410).end();
    await send();
    const [failed] = (await deliveriesOf(forAll, id)).data;
    expect(failed).toMatchObject({ state: 'failed', next_attempt_at: null, attempts: [{ status: 410 }] });
    receiver.answer = (response) => response.writeHead(204).end();
    const again = await forAll.request({ method: 'POST', url: failed!.links.redeliver });
    expect([again.statusCode, again.json()]).toEqual([
      202,
      { ...failed, state: 'pending', next_attempt_at: expect.any(String) },
    ]);
    await send();
    const [delivered] = (await deliveriesOf(forAll, id)).data;
    expect(delivered).toMatchObject({
      state: 'delivered',
      attempts: [{ status: 410 }, { status: 204, error: null }],
    });
    expect(receiver.received.map((one) => one.id)).toEqual([failed!.id, failed!.id]);
  });

  it('does not exist for another job, or after a delete', async () => {
    const id = await cancelled(api, { webhooks: [{ url: URL }] });
    const other = await cancelled(api, { webhooks: [{ url: URL }] });
    const [delivery] = (await deliveriesOf(api, other)).data;
    const post = (url: string) => api.request({ method: 'POST', url });
    expectProblem(await post(`/jobs/${id}/deliveries/${delivery!.id}/redeliver`), 404, 'not_found');
    expectProblem(
      await post(`/jobs/${newJobId()}/deliveries/${delivery!.id}/redeliver`),
      404,
      'job_not_found',
    );
    expectProblem(await post(`/jobs/${id}/deliveries/msg_x/redeliver`), 404, 'not_found');
    await api.request({ method: 'DELETE', url: `/jobs/${other}` });
    expectProblem(await api.request({ url: `/jobs/${other}/deliveries` }), 404, 'job_not_found');
  });

  it('show their whole URL to the owner only', async () => {
    const keys = new ApiKeys(keyed.redis, keyed.keys);
    const bearer = async (owner: string, role: 'reader' | 'writer' | 'admin') => {
      const { text } = await keys.create({ name: 'test', owner, role, lifetimeMs: undefined });
      return { authorization: `Bearer ${text}` };
    };
    const writer = await bearer('alice', 'writer');
    const { id }: Job = (await keyed.post({ webhooks: [{ url: URL }] }, writer)).json();
    const start = startOf();
    await keyed.transitions.start(id, start);
    await keyed.transitions.finish(id, start.token, FAILURE);
    const own = await deliveriesOf(keyed, id, await bearer('alice', 'reader'));
    expect([own.webhooks[0]!.url, own.data[0]!.url]).toEqual([URL, URL]);
    const admin = await bearer('root', 'admin');
    const seen = await deliveriesOf(keyed, id, admin);
    expect([seen.webhooks[0]!.url, seen.data[0]!.url]).toEqual(Array(2).fill('https://example.org/...'));
    const again = await keyed.request({ method: 'POST', url: seen.data[0]!.links.redeliver, headers: admin });
    expect([again.statusCode, again.body.includes('c4nary')]).toEqual([202, false]);
    const bob = await bearer('bob', 'writer');
    expectProblem(await keyed.request({ url: `/jobs/${id}/deliveries`, headers: bob }), 404, 'job_not_found');
  });
});
