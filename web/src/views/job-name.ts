import type { Job } from '../../../src/client/descent.ts';

export const nameOf = ({ id, spec }: Pick<Job, 'id' | 'spec'>): string => spec.name ?? id.slice(-8);
