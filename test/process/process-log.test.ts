import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** The log as a process writes it: compiled, on a real stdout. */
async function logged(script: string): Promise<string> {
  const module = pathToFileURL('dist/src/process/process-log.js').href;
  const code = `const { createLog } = await import(${JSON.stringify(module)}); const log = createLog('api', 'info'); ${script}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  return stdout;
}

it('writes each event on one line of JSON, whatever text a client sent', async () => {
  const text = 'a\r\n{"level":30,"msg":"forged"}\u001b[2J\u009b2K\u2028\u202eb\u007f\ud800';
  const stdout = await logged(`log.info({ name_given: ${JSON.stringify(text)} }, ${JSON.stringify(text)})`);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toMatch(/\p{Cc}|\p{Zl}|\p{Bidi_Control}/u);
  const { msg, name_given } = JSON.parse(lines[0]!) as { msg: string; name_given: string };
  for (const read of [msg, name_given]) expect(read.replace(/[\ud800\ufffd]$/, '')).toBe(text.slice(0, -1));
});

it('writes no property of an error but its name, message, stack and code', async () => {
  const stdout = await logged(`
    const error = Object.assign(new Error('WRONGPASS'), { command: { args: ['c4nary'] }, headers: { authorization: 'c4nary' } });
    log.error({ err: error }, 'refused');
    log.warn(error);
    log.error({ err: new Error('outer', { cause: error }) }, 'refused as well');`);
  expect(stdout.match(/WRONGPASS/g)!.length).toBeGreaterThan(2);
  expect(stdout).not.toContain('c4nary');
});
