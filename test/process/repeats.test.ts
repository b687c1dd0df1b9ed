import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeError, messageOf } from '../../src/process/process-log.ts';
import { type Clock, Repeats } from '../../src/process/repeats.ts';
import { StartedProgram } from '../support/started-program.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const MINUTE_MS = 60_000;

class FakeClock implements Clock {
  #nowMs = 0;
  #waiting: { atMs: number; call: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, call: () => void): void {
    this.#waiting.push({ atMs: this.#nowMs + ms, call });
  }

  get timers(): number {
    return this.#waiting.length;
  }

  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#waiting.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((timer) => timer !== next);
      this.#nowMs = next.atMs;
      next.call();
    }
    this.#nowMs = endMs;
  }
}

function log() {
  const clock = new FakeClock();
  const repeats = new Repeats(clock);
  const lines: string[] = [];
  const write = (key: string, text = key) => {
    if (repeats.isFirst(key, (count) => lines.push(`${text} +${count}`))) lines.push(text);
  };
  return { clock, repeats, lines, write };
}

describe('Repeats', () => {
  it('lets one line through, and counts the others once a minute', () => {
    const { clock, lines, write } = log();
    for (let second = 0; second < 150; second++) {
      write('a', `a${second}`);
      clock.pass(1_000);
    }
    // The last repeat of each minute stands for all of them.
    expect(lines).toEqual(['a0', 'a59 +59', 'a119 +60']);
    clock.pass(MINUTE_MS);
    expect(lines.at(-1)).toBe('a149 +30');
  });

  it('writes the count when the fault is over, then forgets the key', () => {
    const { clock, lines, write } = log();
    write('a');
    write('a');
    clock.pass(MINUTE_MS);
    expect(lines).toEqual(['a', 'a +1']);
    clock.pass(10 * MINUTE_MS);
    expect(lines).toHaveLength(2);
    expect(clock.timers).toBe(0);
    write('a');
    expect(lines).toEqual(['a', 'a +1', 'a']);
  });

  it('keeps keys apart, each with its own minute', () => {
    const { clock, lines, write } = log();
    write('a');
    write('a');
    clock.pass(30_000);
    write('b');
    write('b');
    clock.pass(30_000);
    expect(lines).toEqual(['a', 'b', 'a +1']);
    clock.pass(30_000);
    expect(lines).toEqual(['a', 'b', 'a +1', 'b +1']);
  });

  it('writes at most about a hundred lines a minute, however many keys there are', () => {
    const { clock, lines, write } = log();
    for (let k = 0; k < 10_000; k++) write(`key ${k}`);
    expect(lines).toHaveLength(101);
    clock.pass(MINUTE_MS);
    expect(lines).toHaveLength(102);
    expect(lines.at(-1)).toBe('key 9999 +9899');
  });

  it('writes its counts at the end', () => {
    const { repeats, lines, write } = log();
    for (const key of ['a', 'a', 'a', 'b']) write(key);
    repeats.flush();
    repeats.flush();
    expect(lines).toEqual(['a', 'b', 'a +2']);
  });
});

describe('the log of a process', () => {
  /** Runs these statements in a process with its own log; returns what it printed. */
  async function run(statements: string): Promise<Record<string, unknown>[]> {
    const folder = await makeTemporaryFolder();
    const module = new URL('../../dist/src/process/process-log.js', import.meta.url);
    const script = join(folder, 'script.mjs');
    const start = `import { createLog } from '${module}';\nconst log = createLog('test', 'info');\n`;
    await writeFile(script, start + statements);
    const program = new StartedProgram(script, [], { cwd: folder, env: {} });
    expect(await program.ended).toBe(0);
    return program.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('counts equal warnings and errors, whatever ids and numbers they contain, and writes the counts at exit', async () => {
    const lines = await run(`
      const request = log.child({ requestId: 'x' });
      for (let k = 0; k < 1000; k++) {
        log.warn({ err: new Error('READONLY replica ' + k), job: 'job_' + k }, 'queue');
        request.error({ reason: '127.0.0.1:' + k }, 'a request failed');
        log.warn('only text');
        log.error(new Error('only an error'));
        log.info({ k: 1 }, 'news');
      }`);
    const told = lines.filter(({ level }) => level !== 30);
    expect(lines.length - told.length).toBe(1000);
    expect(told.map(({ msg, repeated }) => [msg, repeated])).toEqual([
      ['queue', undefined],
      ['a request failed', undefined],
      ['only text', undefined],
      ['only an error', undefined],
      ['queue', 999],
      ['a request failed', 999],
      ['only text', 999],
      ['only an error', 999],
    ]);
    expect(told.at(-4)).toMatchObject({ job: 'job_999', err: { message: 'READONLY replica 999' } });
    expect(told.at(-3)).toMatchObject({ requestId: 'x' });
  });

  it('distinguishes different faults at one place, and one fault at different places', async () => {
    const lines = await run(`
      for (const err of [new Error('a'), new TypeError('a'), new Error('b')]) log.warn({ err }, 'queue');
      log.warn({ err: new Error('a') }, 'heartbeat');
      log.error({ err: new Error('a') }, 'queue');
      log.fatal('end');
      log.fatal('end');`);
    expect(lines.map(({ repeated }) => repeated)).toEqual(Array(7).fill(undefined));
  });

  it('has the message of an error, but none of its properties', () => {
    const error = Object.assign(new Error('WRONGPASS', { cause: new Error('root') }), {
      code: 'E',
      command: { name: 'auth', args: ['c4nary'] },
    });
    expect(JSON.stringify(describeError(error))).not.toContain('c4nary');
    expect(describeError(error)).toMatchObject({
      type: 'Error',
      message: 'WRONGPASS',
      code: 'E',
      stack: expect.stringMatching(/WRONGPASS[\s\S]*caused by: Error: root/),
    });
    expect(describeError('text')).toEqual({ message: 'text' });
  });

  it('names every address that a connection failed on', () => {
    expect(messageOf(new AggregateError([new Error('::1'), new Error('127.0.0.1')]))).toBe('::1; 127.0.0.1');
  });
});
