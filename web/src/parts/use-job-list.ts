import { useEffect, useMemo } from 'preact/hooks';
import type { ListOptions } from '../../../src/client/descent.ts';
import { JobList } from '../api/job-list.ts';

/** A list as long as something shows it. */
export function useJobList(find: ListOptions): JobList {
  const list = useMemo(() => new JobList(find), [JSON.stringify(find)]);
  useEffect(() => () => list.close(), [list]);
  return list;
}
