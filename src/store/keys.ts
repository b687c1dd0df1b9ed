import { FACT_SEPARATOR } from './facts.ts';

/**
 * Every Redis key of an installation. All, BullMQ's included, begin with `{<prefix>}:`, so that each script stays in
 * one slot.
 *
 * | key | type | holds | written by | lives |
 * |---|---|---|---|---|
 * | job:<id> | hash | the record; its fields are in transitions/record.lua | every transition | until removed |
 * | job:<id>:events | stream | what happened, entry id <seq>-0 | every transition that appends | until packed |
 * | | string | the same for a packed job, see job-packer.ts | pack | with the record |
 * | job:<id>:messages | hash, by number | what its webhooks are told, see webhook-messages.ts | every transition that appends; webhook-messages.ts | with the record |
 * | jobs:<owner> | zset, score 0 | ids, in the order of their ULIDs | create, remove | with the record |
 * | facts:<owner> | hash, by id | what each job is found by, see facts.ts | create, start, finish, index, remove, adopt | with the record |
 * | sorted:<fact>:<owner> | zset, score = the fact | ids of the jobs that have it, see facts.ts | finish, index, remove, adopt | with the record |
 * | labels | zset, score 0 | `<owner>:<label>\x1f<id>`, a label being a name or a pair of metadata, see facts.ts | create, index, remove, adopt | with the record |
 * | results | zset, score 0 | `<owner>:<key>:<id>` of each job with a result, see training/result-key.ts | create, finish, remove, adopt | with the record |
 * | statuses | zset, score 0 | `<owner>:<status>:<id>`, for lists of one status | all that change a status, remove | with the record |
 * | queued | zset, score = `place` of the record | ids waiting for a worker | create, start, requeue, cancel, pause, resume | while queued |
 * | queued:<owner> | zset, the same | those of one owner, for queue positions | the same | while queued |
 * | held | zset, score 0 | `<owner>:<place>:<delivery>`: deliveries beyond their owner's running quota | create, resume, every transition that ends or pauses a job, start, release | until released |
 * | storage | hash, by owner | bytes of the files of his finished jobs, a minute old at most | retention | forever |
 * | share | hash | `running_quota` and `slots`, see transitions/queue.lua | create (the first); queue/reconciler (the second) | forever |
 * | live | set | ids that are not terminal | create, every transition that ends a job | until terminal |
 * | finished | zset, score = finished_at | ids that are terminal | every transition that ends a job, remove | until removed |
 * | outbox | zset, score = time | deliveries that BullMQ may not have | create, requeue, resume, cancel; queue/ removes | until enqueued |
 * | trash | set | ids whose folder is still to be deleted | remove; retention removes | until deleted |
 * | idempotency:<owner>:<sha256> | hash | the job of an Idempotency-Key, and its body's hash | create | 24 h |
 * | idempotency:<owner> | zset, score = time | the SHA-256 of each of the owner's keys | create | 24 h |
 * | dataset:<owner>:<name> | string | an uploaded dataset: SHA-256, bytes, time and JSON, see datasets.ts | put_dataset, drop_dataset | until dropped |
 * | datasets | zset, score 0 | `<owner>:<name>` of each | put_dataset, drop_dataset | until dropped |
 * | dataset-files | hash, by SHA-256 | how many datasets have these rows: their file is kept while it is here | put_dataset, drop_dataset | until the last is dropped |
 * | dataset-bytes | hash, by owner | bytes of the files of his datasets | put_dataset, drop_dataset | forever |
 * | dataset-jobs | zset, score 0 | `<owner>:<name>:<id>`: live jobs on uploaded datasets | create, every transition that ends a job | until terminal |
 * | lanes | zset, score = time of the next attempt | `<id>:<webhook>:<host>`: webhooks with messages to send | every transition that appends, remove; webhook-messages.ts | until sent |
 * | key:<id> | hash | an API key: digest, name, owner, role, created_at, last_used_at, expires_at | api-keys.ts | until revoked |
 * | keys | zset, score = created_at | ids of API keys | api-keys.ts | until revoked |
 * | session:<sha256> | string | id of the API key that a browser's session stands for | sessions.ts | 12 h |
 * | worker:<id> | string | a worker's report | that worker | 15 s after the last report |
 * | workers | zset, score = expiry | ids of reporting workers | that worker | while reporting |
 * | timings:<engine> | stream | what the latest 50 finished jobs on that engine took | job-timings.ts | forever |
 * | probe | string | nothing: tests whether Redis accepts writes | /readyz | 10 s |
 * | reconciler | string | id of the process that reconciles | queue/reconciler | a few seconds |
 * | feed:<owner> | stream | the job and seq of each event, the latest 10,000 or a few more | every transition that appends | forever |
 * | feed:<owner> | channel | the newest seq of one of the jobs | every transition that appends | - |
 * | job:<id>:seq | channel | the newest seq | every transition that appends | - |
 * | job:<id>:steps | channel | JSON `{"data": [...]}`: the rows of the latest logged steps, for who listens | step-feed.ts | - |
 * | revoked-keys | channel | id of an API key that was revoked | api-keys.ts | - |
 * | signals | channel | id of a job whose status its worker must read | cancel, pause | - |
 */
export interface Keys {
  /** `{<prefix>}:` */
  readonly root: string;
  job(id: string): string;
  events(id: string): string;
  messages(id: string): string;
  seqChannel(id: string): string;
  stepsChannel(id: string): string;
  jobs(owner: string): string;
  feed(owner: string): string;
  facts(owner: string): string;
  sorted(fact: string, owner: string): string;
  readonly labels: string;
  readonly results: string;
  readonly statuses: string;
  readonly queued: string;
  queuedOf(owner: string): string;
  readonly held: string;
  readonly share: string;
  readonly storage: string;
  readonly live: string;
  readonly finished: string;
  readonly outbox: string;
  readonly trash: string;
  idempotency(owner: string, keySha256: string): string;
  dataset(owner: string, name: string): string;
  readonly datasets: string;
  readonly datasetFiles: string;
  readonly datasetBytes: string;
  readonly datasetJobs: string;
  readonly lanes: string;
  apiKey(id: string): string;
  readonly apiKeys: string;
  session(tokenSha256: string): string;
  readonly revokedKeys: string;
  idempotencies(owner: string): string;
  worker(id: string): string;
  readonly workers: string;
  timings(engine: string): string;
  readonly probe: string;
  readonly reconciler: string;
  readonly signals: string;
}

/** @param prefix KEY_PREFIX, which keeps two installations on one Redis apart. */
export function buildKeys(prefix: string): Keys {
  const root = `{${prefix}}:`;
  return {
    root,
    job: (id) => `${root}job:${id}`,
    events: (id) => `${root}job:${id}:events`,
    messages: (id) => `${root}job:${id}:messages`,
    seqChannel: (id) => `${root}job:${id}:seq`,
    stepsChannel: (id) => `${root}job:${id}:steps`,
    jobs: (owner) => `${root}jobs:${owner}`,
    feed: (owner) => `${root}feed:${owner}`,
    facts: (owner) => `${root}facts:${owner}`,
    sorted: (fact, owner) => `${root}sorted:${fact}:${owner}`,
    labels: `${root}labels`,
    results: `${root}results`,
    statuses: `${root}statuses`,
    queued: `${root}queued`,
    queuedOf: (owner) => `${root}queued:${owner}`,
    held: `${root}held`,
    share: `${root}share`,
    storage: `${root}storage`,
    live: `${root}live`,
    finished: `${root}finished`,
    outbox: `${root}outbox`,
    trash: `${root}trash`,
    idempotency: (owner, keySha256) => `${root}idempotency:${owner}:${keySha256}`,
    dataset: (owner, name) => `${root}dataset:${owner}:${name}`,
    datasets: `${root}datasets`,
    datasetFiles: `${root}dataset-files`,
    datasetBytes: `${root}dataset-bytes`,
    datasetJobs: `${root}dataset-jobs`,
    lanes: `${root}lanes`,
    apiKey: (id) => `${root}key:${id}`,
    apiKeys: `${root}keys`,
    session: (tokenSha256) => `${root}session:${tokenSha256}`,
    revokedKeys: `${root}revoked-keys`,
    idempotencies: (owner) => `${root}idempotency:${owner}`,
    worker: (id) => `${root}worker:${id}`,
    workers: `${root}workers`,
    timings: (engine) => `${root}timings:${engine}`,
    probe: `${root}probe`,
    reconciler: `${root}reconciler`,
    signals: `${root}signals`,
  };
}

/** A job's member in the index `statuses`; owners have no colon. transitions/finding.lua builds the same text. */
export const statusMember = (owner: string, status: string, id: string): string => `${owner}:${status}:${id}`;

/** A job's member in the index `labels`, see facts.ts; transitions/finding.lua builds the same text. */
export const labelMember = (owner: string, label: string, id: string): string =>
  `${owner}:${label}${FACT_SEPARATOR}${id}`;

/** A job's member in the index `results`; result keys have no colon. transitions/finding.lua builds the same text. */
export const resultMember = (owner: string, resultKey: string, id: string): string =>
  `${owner}:${resultKey}:${id}`;

/** The members of one owner in the index `held`, as a range of ZRANGE BYLEX; transitions/queue.lua builds the same. */
export const heldRange = (owner: string): [from: string, to: string] => [`[${owner}:`, `(${owner};`];

/** A delivery's member in `held`. @param place microseconds, as in the record. */
export const heldMember = (owner: string, place: string, deliveryId: string): string =>
  `${owner}:${place.padStart(16, '0')}:${deliveryId}`;
