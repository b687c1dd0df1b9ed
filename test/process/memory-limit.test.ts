import { mkdirSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryLimit, memoryPerJobMb } from '../../src/process/memory-limit.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const MIB = 1024 * 1024;

/** Files as the kernel has them. */
async function groups(self: string, files: Record<string, string>): Promise<MemoryLimit> {
  const folder = await makeTemporaryFolder();
  writeFileSync(join(folder, 'self'), self);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return MemoryLimit.find(folder, join(folder, 'self'));
}

const lines = (...all: string[]) => `${all.join('\n')}\n`;

const EVENTS = lines('low 0', 'high 0', 'max 12', 'oom 3', 'oom_kill 2', 'oom_group_kill 0');

describe('the memory that the kernel allows', () => {
  it('is read from version 2: the least limit on the way up', async () => {
    const limit = await groups('0::/system.slice/descent.service\n', {
      'system.slice/memory.max': `${512 * MIB}\n`,
      'system.slice/memory.events': 'oom_kill 9\n',
      'system.slice/descent.service/memory.max': 'max\n',
      'system.slice/descent.service/memory.events': EVENTS,
    });
    expect(limit.bytes()).toBe(512 * MIB);
    expect(limit.kills()).toBe(2);
  });

  it('is read from version 1', async () => {
    const limit = await groups('5:cpu,pids:/a\n4:memory:/docker/abc\n0::/\n', {
      'memory/memory.limit_in_bytes': '9223372036854771712\n',
      'memory/memory.oom_control': lines('oom_kill_disable 0', 'under_oom 0', 'oom_kill 0'),
      'memory/docker/abc/memory.limit_in_bytes': `${256 * MIB}\n`,
      'memory/docker/abc/memory.oom_control': lines('oom_kill_disable 0', 'under_oom 0', 'oom_kill 7'),
    });
    expect(limit.bytes()).toBe(256 * MIB);
    expect(limit.kills()).toBe(7);
  });

  it('is found in a container whose path is that of the host', async () => {
    const limit = await groups('0::/docker/abc\n', {
      'memory.max': `${300 * MIB}\n`,
      'memory.events': EVENTS,
    });
    expect([limit.bytes(), limit.kills()]).toEqual([300 * MIB, 2]);
  });

  it('is the machine without control groups, and no kill is known', async () => {
    const limit = await groups('', {});
    expect([limit.bytes(), limit.kills()]).toEqual([totalmem(), undefined]);
    expect(MemoryLimit.find('/nowhere', '/nowhere').kills()).toBeUndefined();
  });
});

describe('the share of a job', () => {
  it.each([
    [12_000, 2, 4_000],
    [1_000, 1, 666],
    [3_000, 64, 512],
    [600, 4, 400],
  ])('of %i MB for %i slots is %i MB', (megabytes, concurrency, share) => {
    expect(memoryPerJobMb(megabytes * MIB, concurrency)).toBe(share);
  });
});
