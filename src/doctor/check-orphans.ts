import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reconciler } from '../queue/reconciler.ts';
import type { Retention } from '../store/retention.ts';
import { type Finding, note, ok, wrong } from './finding.ts';

/** No write takes longer, so an older temporary file belongs to a process that was killed. */
const OLD_MS = 60 * 60 * 1000;
const MOST_NAMED = 5;

/** What nothing points to: folders without a record, live records without a delivery, temporary files. */
export async function checkOrphans(
  retention: Pick<Retention, 'foldersAlone'>,
  reconciler: Pick<Reconciler, 'missing'>,
  dataDir: string,
  nowMs: number,
): Promise<Finding[]> {
  const [folders, deliveries, files] = await Promise.all([
    retention.foldersAlone().then((alone) => alone.map(({ id }) => id)),
    missing(reconciler),
    oldTemporaryFiles(dataDir, nowMs),
  ]);
  const found: Finding[] = [];
  if (folders.length > 0)
    found.push(
      note(
        `${folders.length} folders in ${join(dataDir, 'jobs')} have no record (${some(folders)}). If Redis is the right one, retention removes them after RETENTION_DAYS; if you restored a backup, this is a job that was created after it.`,
      ),
    );
  if (deliveries.length > 0)
    found.push(
      wrong(
        `${deliveries.length} live jobs are not in the queue (${some(deliveries)}). A worker puts them back within a minute; if they stay, its log has the reason.`,
      ),
    );
  if (files.length > 0)
    found.push(
      note(
        `${files.length} temporary files are older than an hour (${some(files)}). A process was killed while it wrote them; you may delete them.`,
      ),
    );
  return found.length > 0 ? found : [ok('No folder, live job or temporary file is left over.')];
}

async function missing(reconciler: Pick<Reconciler, 'missing'>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of reconciler.missing()) ids.push(id);
  return ids;
}

const some = (names: readonly string[]): string =>
  names.length > MOST_NAMED ? `${names.slice(0, MOST_NAMED).join(', ')} ...` : names.join(', ');

const TEMPORARY = /^\..*\.tmp$|^\.write-test-|\.tmp$/;

async function oldTemporaryFiles(dataDir: string, nowMs: number): Promise<string[]> {
  const old: string[] = [];
  for (const folder of ['jobs', 'datasets']) {
    const names = await readdir(join(dataDir, folder), { recursive: true }).catch(() => []);
    for (const name of names) {
      if (!TEMPORARY.test(name.split('/').at(-1)!)) continue;
      const path = join(dataDir, folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined && nowMs - found.mtimeMs > OLD_MS) old.push(path);
    }
  }
  return old;
}
