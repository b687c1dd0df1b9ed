import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { z } from 'zod';
import type { Redis } from '../redis/connections.ts';
import type { Keys } from './keys.ts';
import { type Refusal, StoreUnavailableError } from './store-error.ts';

export type TransitionName =
  | 'create'
  | 'start'
  | 'epoch'
  | 'progress'
  | 'requeue'
  | 'finish'
  | 'cancel'
  | 'pause'
  | 'resume'
  | 'update'
  | 'remove'
  | 'adopt'
  | 'pack'
  | 'index'
  | 'release'
  | 'put_dataset'
  | 'drop_dataset';

const read = (name: string): string =>
  readFileSync(new URL(`./transitions/${name}.lua`, import.meta.url), 'utf8');

/** What every transition begins with; each uses those before it. */
export const PRELUDE = ['record', 'events', 'finding', 'queue', 'attempts'] as const;

const [PRELUDE_TEXT, COMMIT] = [PRELUDE.map(read).join('\n'), read('commit')];

/** A Lua script. After the first run, Redis finds it by its SHA-1. */
export interface Script {
  source: string;
  sha1: string;
}

export const scriptOf = (source: string): Script => ({
  source,
  sha1: createHash('sha1').update(source).digest('hex'),
});

const load = (name: TransitionName): Script =>
  scriptOf(`${PRELUDE_TEXT}\nlocal function transition()\n${read(name)}end\n\n${COMMIT}`);

const SCRIPTS: Readonly<Record<TransitionName, Script>> = {
  create: load('create'),
  start: load('start'),
  epoch: load('epoch'),
  progress: load('progress'),
  requeue: load('requeue'),
  finish: load('finish'),
  cancel: load('cancel'),
  pause: load('pause'),
  resume: load('resume'),
  update: load('update'),
  remove: load('remove'),
  adopt: load('adopt'),
  pack: load('pack'),
  index: load('index'),
  release: load('release'),
  put_dataset: load('put_dataset'),
  drop_dataset: load('drop_dataset'),
};

const AnswerSchema = z.array(z.union([z.string(), z.number()])).transform((list) => {
  const answer: Record<string, string> = {};
  for (let i = 0; i < list.length; i += 2) answer[String(list[i])] = String(list[i + 1]);
  return answer;
});

export interface TransitionCall {
  /** Of the job; empty for `release`, `put_dataset` and `drop_dataset`. */
  id: string;
  args: Readonly<Record<string, string | number>>;
  /** Only for a transition that touches the index of the owner's jobs. */
  owner?: string;
  /** Only for create with an Idempotency-Key: its entry, and the list of its owner's. */
  idempotencyKeys?: [string, string];
  /** Only for adopt. */
  newOwner?: string;
}

/**
 * Runs one transition of a job. It is one Lua script, so it happens whole or not at all, and one of several callers
 * wins.
 * @returns the fields of the transition's answer by name; `outcome` is always among them.
 * @throws {StoreUnavailableError} when Redis did not answer. The transition may or may not have happened; every
 *   transition may be repeated.
 */
export async function runTransition(
  redis: Redis,
  keys: Keys,
  name: TransitionName,
  call: TransitionCall,
): Promise<Record<string, string>> {
  const { id } = call;
  const keyNames = [
    keys.job(id),
    keys.events(id),
    keys.queued,
    keys.live,
    keys.finished,
    keys.outbox,
    keys.trash,
    keys.statuses,
    keys.held,
    keys.share,
    keys.labels,
  ];
  if (call.owner !== undefined) keyNames.push(keys.jobs(call.owner), keys.storage);
  if (call.idempotencyKeys !== undefined) keyNames.push(...call.idempotencyKeys);
  if (call.newOwner !== undefined) keyNames.push(keys.jobs(call.newOwner));
  const names = {
    seq_channel: keys.seqChannel(id),
    signals_channel: keys.signals,
    messages: keys.messages(id),
    lanes: keys.lanes,
    queued_of: keys.queuedOf(''),
    feed_of: keys.feed(''),
    facts_of: keys.facts(''),
    sorted_of: keys.sorted('', '').slice(0, -1),
    job_of: keys.job(''),
    results: keys.results,
    dataset_of: keys.dataset('', '').slice(0, -1),
    datasets: keys.datasets,
    dataset_files: keys.datasetFiles,
    dataset_bytes: keys.datasetBytes,
    dataset_jobs: keys.datasetJobs,
  };
  const args = Object.entries({ id, ...names, ...call.args }).flat();
  const reply = await runScript(redis, SCRIPTS[name], keyNames, args);
  return AnswerSchema.parse(reply);
}

/**
 * The deliveries that a transition has released. Enqueue them: the reconciler does so too, but seconds later, and a
 * repeat of the transition does not name them again.
 */
export const releasedBy = (answer: Record<string, string>): string[] =>
  (answer.released ?? '').split(' ').filter((id) => id !== '');

/** @throws {StoreUnavailableError} when Redis did not answer. */
export async function runScript(
  redis: Redis,
  { source, sha1 }: Script,
  keyNames: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  return await answered(async () => {
    try {
      return await redis.evalsha(sha1, keyNames.length, ...keyNames, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await redis.eval(source, keyNames.length, ...keyNames, ...args);
    }
  });
}

/** Replies about the state of Redis or the connection, not about the command itself. */
const NOT_NOW =
  /\b(OOM|MISCONF|LOADING|BUSY|READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOAUTH|WRONGPASS|NOPERM|EXECABORT|unknown command)\b/;

/**
 * Replies that prove that the command never ran. The others may answer a retry of a command that ran before the
 * connection was lost: LOADING, for example, after a restart. Redis 6.2 puts a script's line before the word.
 */
const REFUSED = /(?:^|: -)(OOM|MISCONF|NOPERM|READONLY|NOREPLICAS)\b/;

/**
 * Runs commands and turns every failure of Redis, as opposed to an error in the command, into StoreUnavailableError.
 * @throws {StoreUnavailableError}
 */
export async function answered<Reply>(run: () => Promise<Reply>): Promise<Reply> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'ReplyError' && !NOT_NOW.test(cause.message)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const refusal = REFUSED.exec(reason)?.[1] as Refusal | undefined;
    throw new StoreUnavailableError(
      `Redis ${refusal === undefined ? 'is unavailable' : 'refused a command'}: ${reason}`,
      { cause, refusal },
    );
  }
}

/** Returns the replies of a pipeline in order; throws the first error among them. */
export async function allAnswered(run: () => Promise<[Error | null, unknown][] | null>): Promise<unknown[]> {
  return await answered(async () => {
    const replies = await run();
    if (replies === null) throw new Error('the transaction was discarded');
    return replies.map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    });
  });
}

export const unexpected = (answer: Record<string, string>): Error =>
  new Error(`a transition answered ${JSON.stringify(answer)}, which its caller does not expect`);
