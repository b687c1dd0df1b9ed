import type { RunningQuota } from '../store/job-creation.ts';

/** What one owner may use. Undefined is no limit. */
export interface Quotas {
  queuedJobs: number | undefined;
  /** Jobs that run, or that BullMQ may hand over next. */
  runningJobs: RunningQuota;
  requestsPerMinute: number | undefined;
  /** Event streams open at a time, in each API process. */
  streams: number | undefined;
  /** Uploads under way at a time, in each API process. */
  uploads: number | undefined;
  /** Bytes that the files of finished jobs may take. */
  storageBytes: number | undefined;
  /** Bytes that the rows of uploaded datasets may take. */
  datasetBytes: number | undefined;
}

/** The settings that set quotas; undefined where the operator leaves it to us. */
export interface QuotaSettings {
  QUOTA_QUEUED_JOBS?: number | undefined;
  QUOTA_RUNNING_JOBS?: number | undefined;
  QUOTA_REQUESTS_PER_MINUTE?: number | undefined;
  QUOTA_STREAMS?: number | undefined;
  QUOTA_STORAGE_GB?: number | undefined;
  QUOTA_DATASETS_GB?: number | undefined;
}

const GIGABYTE = 1e9;

/**
 * Without keys everybody is the same owner, so that only the limits of the whole installation apply. Even so, only
 * twice as many jobs as slots are released, since only those that are held go by priority.
 */
const WITHOUT_KEYS: Quotas = {
  queuedJobs: undefined,
  runningJobs: 'ahead',
  requestsPerMinute: undefined,
  streams: undefined,
  uploads: undefined,
  storageBytes: undefined,
  datasetBytes: undefined,
};

const WITH_KEYS: Quotas = {
  queuedJobs: 1_000,
  runningJobs: 'slots',
  requestsPerMinute: 1_200,
  streams: 20,
  // One may arrive while another is read; as they are read one at a time, more would only keep others out.
  uploads: 2,
  storageBytes: 5 * GIGABYTE,
  datasetBytes: 5 * GIGABYTE,
};

/** A quota that the operator sets applies in any case; the others have defaults only where owners are told apart. */
export function quotasFor(auth: 'none' | 'keys', settings: QuotaSettings): Quotas {
  const defaults = auth === 'none' ? WITHOUT_KEYS : WITH_KEYS;
  const { QUOTA_STORAGE_GB, QUOTA_DATASETS_GB } = settings;
  return {
    queuedJobs: settings.QUOTA_QUEUED_JOBS ?? defaults.queuedJobs,
    runningJobs: settings.QUOTA_RUNNING_JOBS ?? defaults.runningJobs,
    requestsPerMinute: settings.QUOTA_REQUESTS_PER_MINUTE ?? defaults.requestsPerMinute,
    streams: settings.QUOTA_STREAMS ?? defaults.streams,
    uploads: defaults.uploads,
    storageBytes: QUOTA_STORAGE_GB === undefined ? defaults.storageBytes : QUOTA_STORAGE_GB * GIGABYTE,
    datasetBytes: QUOTA_DATASETS_GB === undefined ? defaults.datasetBytes : QUOTA_DATASETS_GB * GIGABYTE,
  };
}
