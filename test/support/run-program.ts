import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. @param env all of its environment */
export async function runProgram(
  program: string,
  args: readonly string[],
  { input = '', ...options }: { cwd: string; env: NodeJS.ProcessEnv; input?: string },
): Promise<Ended> {
  const child = spawn(program, args, options);
  child.stdin.end(input);
  const ended = new Promise<number | null>((done, fail) => child.once('close', done).once('error', fail));
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
