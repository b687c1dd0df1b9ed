import open from 'open';
import { EXIT } from './failure.ts';
import type { Context } from './jobs.ts';

/** Opens the page in the browser, and prints its address for machines without one. */
export async function openPage({ descent, asJson }: Context, id: string | undefined): Promise<number> {
  // Says what is wrong here, and not in an empty window.
  if (id === undefined) await descent.installation.me();
  else await descent.jobs.get(id);
  const address = `${descent.url}/#/jobs${id === undefined ? '' : `/${id}`}`;
  console.log(asJson ? JSON.stringify({ address }) : address);
  const browser = await open(address);
  // It may live longer than this command.
  browser.once('error', () => {});
  browser.unref();
  return EXIT.succeeded;
}
