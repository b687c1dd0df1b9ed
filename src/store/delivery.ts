import { JOB_ID_PATTERN } from '../contract/job.ts';

/**
 * One hand-over of a job to BullMQ. BullMQ ignores an id that it still holds, so each delivery of a job has its own id:
 * `<job>-<number>`. The outbox, BullMQ and the logs use it; transitions/queue.lua builds the same id.
 */
export interface Delivery {
  /** Id of the job. */
  id: string;
  /** Counted from 1. */
  delivery: number;
}

export const deliveryIdOf = ({ id, delivery }: Delivery): string => `${id}-${delivery}`;

/** @returns undefined when the text is not a delivery id. */
export function parseDeliveryId(deliveryId: string): Delivery | undefined {
  const [id, number, ...rest] = deliveryId.split('-');
  const isOne = JOB_ID_PATTERN.test(id ?? '') && /^[1-9]\d{0,9}$/.test(number ?? '') && rest.length === 0;
  return isOne ? { id: id!, delivery: Number(number) } : undefined;
}
