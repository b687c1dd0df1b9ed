import { expect, it } from 'vitest';
import { withoutPaths } from '../../workers/without-paths.ts';

it.each([
  [
    "The job's files could not be written: ENOSPC: no space left on device, open '/srv/data/jobs/job_1/.1-model.bin.x.tmp'",
    "The job's files could not be written: ENOSPC: no space left on device",
  ],
  [
    "EXDEV: cross-device link not permitted, rename '/a/b' -> '/c/d'",
    'EXDEV: cross-device link not permitted',
  ],
  ['cannot write 10 bytes to /srv/data/datasets/x.bin: EACCES', 'cannot write 10 bytes to a file: EACCES'],
  ["Cannot find module '/opt/descent/x.js'", 'Cannot find'],
  ['imported from file:///opt/descent/dist/x.js', 'imported from a file'],
  ['spawn /usr/bin/node ENOENT', 'spawn a file ENOENT'],
  ['The loss was 1/2 of 3/4, at step 5', 'The loss was 1/2 of 3/4, at step 5'],
  ["layers[0] is 'relu' and/or 'tanh'", "layers[0] is 'relu' and/or 'tanh'"],
])('%s', (message, shown) => expect(withoutPaths(message)).toBe(shown));
