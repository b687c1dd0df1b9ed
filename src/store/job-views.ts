import { z } from 'zod';
import type { Redis } from '../redis/connections.ts';
import { UnreadableRecordError } from './job-record.ts';
import {
  etagOf,
  type JobView,
  PACKED_FIELDS,
  packedValues,
  STATE_FIELDS,
  type ViewFields,
  viewJob,
} from './job-view.ts';
import type { Keys } from './keys.ts';
import { Recent } from './recent.ts';
import { answered, runScript, scriptOf } from './transition-runner.ts';

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

/** Lua that returns one text per job, its values separated by zero bytes: many small replies would cost more. */
const readEach = (whole: boolean): string => `
local function joined(values)
  for k = 1, #values do
    values[k] = values[k] or ''
  end
  return table.concat(values, '\\0')
end
local texts = {}
for i = 2, #KEYS do
  local state = redis.call('HMGET', KEYS[i], ${quoted(STATE_FIELDS)})
  local rank = false
  if state[2] == 'queued' then
    -- A job of 0.1.0 is only in the index of all owners.
    rank = redis.call('ZRANK', ARGV[1] .. state[1], ARGV[i]) or redis.call('ZRANK', KEYS[1], ARGV[i])
  end
  state[#state + 1] = rank and rank + 1 or ''
  texts[i - 1] = joined(state)
  ${whole ? `local view = redis.call('HGET', KEYS[i], 'view')` : ''}
  ${whole ? `view = view or joined(redis.call('HMGET', KEYS[i], ${quoted(PACKED_FIELDS)}))` : ''}
  ${whole ? `texts[i - 1] = texts[i - 1] .. '\\0' .. view` : ''}
end
return texts
`;

/** KEYS: queued, then the records; ARGV: queuedOf(''), then the ids of the jobs. Both read each job at one moment. */
const READ_STATES = scriptOf(readEach(false));
const READ_VIEWS = scriptOf(readEach(true));

const STATE_NAMES = [...STATE_FIELDS, 'queue_position'] as const;
const VIEW_NAMES = [...STATE_NAMES, ...PACKED_FIELDS] as const;

type State = Pick<ViewFields, (typeof STATE_NAMES)[number]>;

const TextsSchema = z.array(z.string());

/** About 2 KB each. */
const MOST_KNOWN = 5_000;

/** Reads the views of jobs. A view never changes under its ETag, so the latest ones are not read again. */
export class JobViews {
  readonly #redis: Redis;
  readonly #keys: Keys;
  /** By id and ETag. */
  readonly #known = new Recent<JobView>(MOST_KNOWN);

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * The ETag of a job's view; undefined when there is no such job, or its owner is not wanted.
   * @throws {StoreUnavailableError}
   */
  async etag(id: string, isWanted: (owner: string) => boolean): Promise<string | undefined> {
    const values = await answered(() =>
      this.#redis.hmget(this.#keys.job(id), 'owner', 'status', 'revision', 'changed_at'),
    );
    const [owner, status, revision, changed_at] = values.map((value) => value ?? '') as Four;
    if (status === '' || !isWanted(owner)) return undefined;
    const rank = status === 'queued' ? await this.#rank(owner, id) : null;
    return etagOf({ revision, changed_at, queue_position: rank === null ? '' : `${rank + 1}` });
  }

  /**
   * The view of a job; undefined when there is no such job, or its owner is not wanted.
   * @throws {StoreUnavailableError}
   */
  async one(
    id: string,
    isWanted: (owner: string) => boolean,
  ): Promise<JobView | UnreadableRecordError | undefined> {
    const etag = await this.etag(id, isWanted);
    if (etag === undefined) return undefined;
    const known = this.#known.get(`${id} ${etag}`);
    return known ?? (await this.#read([id])).get(id);
  }

  /**
   * The fields of a job's view; undefined when there is no such job.
   * @throws {StoreUnavailableError}
   */
  async fields(id: string): Promise<ViewFields | undefined> {
    const [fields] = await this.#run<ViewFields>(READ_VIEWS, VIEW_NAMES, [id]);
    return fields?.status === '' ? undefined : fields;
  }

  /**
   * The views of those jobs that exist, in the given order.
   * @throws {StoreUnavailableError}
   */
  async many(ids: string[]): Promise<(JobView | UnreadableRecordError)[]> {
    if (ids.length === 0) return [];
    const states = await this.#run<State>(READ_STATES, STATE_NAMES, ids);
    const views = ids.map((id, i) => this.#known.get(`${id} ${etagOf(states[i])}`));
    const read = await this.#read(ids.filter((_, i) => views[i] === undefined));
    return ids.flatMap((id, i) => views[i] ?? read.get(id) ?? []);
  }

  async #rank(owner: string, id: string): Promise<number | null> {
    const rank = await answered(() => this.#redis.zrank(this.#keys.queuedOf(owner), id));
    // A job of 0.1.0 is only in the index of all owners.
    return rank ?? (await answered(() => this.#redis.zrank(this.#keys.queued, id)));
  }

  async #read(ids: string[]): Promise<Map<string, JobView | UnreadableRecordError>> {
    const views = new Map<string, JobView | UnreadableRecordError>();
    if (ids.length === 0) return views;
    const found = await this.#run<ViewFields>(READ_VIEWS, VIEW_NAMES, ids);
    for (const [i, fields] of found.entries()) {
      if (fields.status === '') continue;
      const view = viewJob(ids[i], fields);
      views.set(ids[i], view ?? new UnreadableRecordError({}, {}));
      if (view !== undefined && fields.revision !== '') this.#known.add(`${view.id} ${view.etag}`, view);
    }
    return views;
  }

  async #run<Fields>(script: typeof READ_STATES, names: readonly string[], ids: string[]): Promise<Fields[]> {
    const keyNames = [this.#keys.queued, ...ids.map((id) => this.#keys.job(id))];
    const texts = TextsSchema.parse(
      await runScript(this.#redis, script, keyNames, [this.#keys.queuedOf(''), ...ids]),
    );
    return texts.map((text) => {
      const state = text.split('\0', STATE_NAMES.length);
      const rest = text.slice(state.join('\0').length + 1);
      const values = [...state, ...packedValues(rest)];
      const fields: Record<string, string> = {};
      for (const [i, name] of names.entries()) fields[name] = values[i] ?? '';
      return fields as Fields;
    });
  }
}

type Four = [string, string, string, string];
