import type { Delivery, DeliveryList } from '../../contract/delivery.ts';
import type { JobEvent } from '../../contract/job-event.ts';
import { CREATED, FINISHED, ID, QUEUED_JOB, STARTED } from './examples.ts';
import { METRICS_ROW } from './history-examples.ts';

/** Examples of what is told of jobs: events, their streams, and messages to webhooks. */

const { seq: _seq, created_at: EPOCH_CREATED, ...EPOCH } = METRICS_ROW;

export const EVENTS: JobEvent[] = [
  { seq: 1, type: 'job.queued', created_at: CREATED, data: { reason: 'created' } },
  {
    seq: 2,
    type: 'job.running',
    created_at: STARTED,
    data: { attempt: 1, worker: 'host-a/4711', engine: 'reference', from_epoch: 0 },
  },
  { seq: 3, type: 'job.epoch', created_at: EPOCH_CREATED, data: EPOCH },
];

export const EVENT_STREAM = `retry: 2000

${EVENTS.map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n`).join('\n')}
`;

const FEED = EVENTS.map((event, i) => ({ id: `176440000100${i}-0`, job: QUEUED_JOB.id, event }));

export const FEED_LIST = {
  object: 'list',
  data: FEED,
  has_more: false,
  last_id: FEED.at(-1)!.id,
  reset: false,
} as const;

export const FEED_STREAM = `retry: 2000

id: 1764400000000-0

${FEED.map((each) => `id: ${each.id}\nevent: ${each.event.type}\ndata: ${JSON.stringify(each)}\n`).join('\n')}
`;

export const DELIVERY: Delivery = {
  object: 'delivery',
  id: `msg_${ID.slice('job_'.length)}_1_${Date.parse(FINISHED)}`,
  event: 'job.succeeded',
  url: 'https://example.org/hooks/descent',
  state: 'pending',
  created_at: FINISHED,
  attempts: [{ at: FINISHED, status: 503, error: 'it answered 503', duration_seconds: 0.041 }],
  next_attempt_at: '2026-11-22T10:00:12.301Z',
  links: {
    redeliver: `/jobs/${ID}/deliveries/msg_${ID.slice('job_'.length)}_1_${Date.parse(FINISHED)}/redeliver`,
  },
};

export const DELIVERY_LIST: DeliveryList = {
  object: 'list',
  webhooks: [
    { url: 'https://example.org/hooks/descent', events: ['job.succeeded', 'job.failed', 'job.cancelled'] },
  ],
  data: [
    {
      ...DELIVERY,
      state: 'delivered',
      attempts: [
        ...DELIVERY.attempts,
        { at: '2026-11-22T10:00:12.320Z', status: 204, error: null, duration_seconds: 0.038 },
      ],
      next_attempt_at: null,
    },
  ],
  has_more: false,
};
