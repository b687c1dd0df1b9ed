import type { Descent, Job } from '../client/descent.ts';
import { EXIT } from './failure.ts';
import type { Context } from './jobs.ts';
import { openView } from './view.ts';

export async function watch({ descent, asJson }: Context, id: string): Promise<number> {
  return await follow(descent, await descent.jobs.get(id), asJson ? 'events' : 'view');
}

/** Shows a job to its end: in a view, as its events in JSON, or as the finished job in JSON. */
export async function follow(
  descent: Descent,
  { id, ...job }: Job,
  form: 'view' | 'events' | 'job',
): Promise<number> {
  const view = form === 'view' ? openView(process.stdout, { id, ...job }) : undefined;
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once('SIGINT', onInterrupt);
  try {
    const ended = await descent.jobs.wait(id, {
      signal: stop.signal,
      onEvent: (event) => {
        view?.show(event);
        if (form === 'events') console.log(JSON.stringify(event));
      },
    });
    if (form === 'job') console.log(JSON.stringify(ended));
    return ended.status === 'succeeded' ? EXIT.succeeded : EXIT.failed;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    view?.close();
    console.error(`Stopped watching; the job goes on. Watch it again: descent watch ${id}`);
    console.error(`End it: descent cancel ${id}`);
    return EXIT.interrupted;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}
