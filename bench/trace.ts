import { z } from 'zod';

/** Reads what Chromium's tracing wrote. */

const TraceSchema = z.object({
  traceEvents: z.array(
    z.looseObject({
      name: z.string(),
      ph: z.string(),
      pid: z.number(),
      tid: z.number(),
      ts: z.number(),
      dur: z.number().optional(),
      tdur: z.number().optional(),
      args: z.looseObject({ name: z.string().optional() }).optional(),
    }),
  ),
});

/** Entries into JavaScript. */
const SCRIPTING = [
  'FunctionCall',
  'EvaluateScript',
  'RunMicrotasks',
  'FireAnimationFrame',
  'TimerFire',
  'EventDispatch',
];
const FRAME = 'BeginMainThreadFrame';

/**
 * Our scripting between the beginnings of two frames, in ms of processor time, of each frame of a trace: the trainers
 * that the page watches here want the processor, too.
 */
export function scriptingOf(trace: Buffer): number[] {
  const { traceEvents } = TraceSchema.parse(JSON.parse(trace.toString()));
  const threads = traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  );
  const framesOn = ({ pid, tid }: { pid: number; tid: number }) =>
    traceEvents.filter((event) => event.pid === pid && event.tid === tid && event.name === FRAME);
  if (threads.length === 0) throw new Error('The trace names no renderer.');
  const main = threads.reduce((a, b) => (framesOn(b).length > framesOn(a).length ? b : a));
  const calls = traceEvents
    .filter(
      ({ pid, tid, name, ph }) =>
        pid === main.pid && tid === main.tid && ph === 'X' && SCRIPTING.includes(name),
    )
    .sort((a, b) => a.ts - b.ts);
  const starts = framesOn(main)
    .map(({ ts }) => ts)
    .sort((a, b) => a - b);
  const ms = starts.map(() => 0);
  let [frame, endUs] = [-1, 0];
  for (const { ts, dur = 0, tdur = dur } of calls) {
    while (starts[frame + 1] !== undefined && starts[frame + 1]! <= ts) frame += 1;
    // One that lies within another counts once.
    if (frame >= 0 && ts >= endUs) ms[frame]! += tdur / 1000;
    endUs = Math.max(endUs, ts + dur);
  }
  if (starts.length < 2) throw new Error('The trace has no frames.');
  // The last frame has no end.
  return ms.slice(0, -1);
}
