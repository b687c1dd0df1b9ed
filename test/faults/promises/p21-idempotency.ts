import { createHash, randomUUID } from 'node:crypto';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

/** An API takes forty writes at once. */
const AT_ONCE = 30;
const KEYS = 10;
const RESTARTED = ['API', 'Redis', 'both'] as const;
const LIVES_MS = 23 * 60 * 60 * 1000;

export const idempotency: Experiment = {
  name: 'idempotency',
  rows: [
    {
      id: 'P21',
      promise: 'Idempotent submit, 24 h: one job, one response, identical to the byte',
      fault: `${AT_ONCE} concurrent posts with one key; then API, Redis or both, in turn, are restarted; then a repeat, and a post with another body`,
      designN: 200,
    },
  ],
  n: 200,
  shortN: KEYS,
  seconds: 55,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 2 }));
    const post = (key: string, spec: object) =>
      site.client.insist(
        'create',
        '/jobs',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': key },
          body: JSON.stringify(spec),
        },
        { key },
      );
    const sent = Array.from({ length: KEYS }, () => {
      const key = randomUUID();
      return { key, spec: { ...tinySpec(random), cache: false, metadata: { key } } };
    });
    for (const { key, spec } of sent) {
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => post(key, spec)));
      for (const answer of answers) {
        assertKept(answer.status === 202, `one of ${AT_ONCE}: ${JSON.stringify(answer)}`);
        site.client.acknowledge(key, spec, answer.body);
      }
      const fresh = answers.filter(({ headers }) => !headers.has('idempotency-replayed')).length;
      // 0 if the request that created the job got no response in time and was repeated.
      assertKept(fresh <= 1, `${fresh} of ${AT_ONCE} responses are not replays`);
    }
    for (const { key } of sent) {
      const sha256 = createHash('sha256').update(key).digest('hex');
      const ttlMs = await site.commands.pttl(site.keys.idempotency('local', sha256));
      assertKept(ttlMs > LIVES_MS, `a key of 24 h expires in ${ttlMs} ms`);
    }
    const restarted = RESTARTED[trial.number % RESTARTED.length];
    trial.note(`restart ${restarted}`);
    if (restarted !== 'Redis') await site.startedWith(site.apiPid).stop('SIGTERM');
    if (restarted !== 'API') {
      await site.redis!.stop('SIGTERM');
      await site.startRedis(site.redisEnv);
    }
    if (restarted !== 'Redis') await site.startApi();
    await site.ready();
    for (const { key, spec } of sent) {
      const again = await post(key, spec);
      assertKept(again.status === 202, `a replay: ${JSON.stringify(again)}`);
      assertKept(again.headers.get('idempotency-replayed') === 'true', 'a replay created a job');
      site.client.acknowledge(key, spec, again.body);
      const other = await post(key, { ...spec, name: 'another body' });
      assertKept(other.status === 422, `another body: ${JSON.stringify(other)}`);
    }
    await reconcile(trial, site);
    return [{ n: KEYS }];
  },
};
