import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { closedUrl } from '../support/closed-port.ts';
import { runProgram } from '../support/run-program.ts';
import { COMMAND } from './run-command.ts';

/** Completion in real shells, whose PATH has the command. */

const descent = await Installation.startForFile();
const home = join(descent.dataDir, 'home');
mkdirSync(join(home, 'bin'), { recursive: true });
writeFileSync(join(home, 'bin/descent'), `#!/bin/sh\nexec ${process.execPath} ${COMMAND} "$@"\n`, {
  mode: 0o755,
});
writeFileSync(join(home, 'spec of mine.json'), '{}');
const env = {
  PATH: `${join(home, 'bin')}:${process.env.PATH}`,
  HOME: home,
  DESCENT_URL: descent.url,
  TERM: 'xterm',
};
const { id } = await descent.create({ dataset: 'mnist_sample', training: { epochs: 1 } });

/** Prints what bash would offer after the words that it gets; the function is bash's own protocol. */
const BASH = `
eval "$(descent completion bash)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_descent descent "\${@: -1}" ''
printf '%s\\n' "\${COMPREPLY[@]}"
`;

/** Types the words and a Tab into a zsh on a terminal of its own, and prints what that one offers. */
const ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source setup.zsh'
zpty -n -w shell "$*"$'\\t'
zpty -r shell REPLY $'*\\C-B*\\C-C'
print -r -- "\${\${REPLY##*$'\\C-B'}%$'\\C-C'}"
`;
writeFileSync(
  join(home, 'setup.zsh'),
  `
eval "$(descent completion zsh)"
compadd() {
  local -a taken
  builtin compadd -O taken "$@"
  offered+=("\${taken[@]}")
  builtin compadd "$@"
}
answer() {
  typeset -ga offered=()
  _main_complete
  print -rn -- $'\\C-B'"\${(F)offered}"$'\\C-C'
}
zle -C answer complete-word answer
bindkey '^I' answer
`,
);

const SHELLS = {
  bash: ['--norc', '-c', BASH, 'bash'],
  zsh: ['-f', '-c', ZSH, 'zsh'],
};

const isMissing = (shell: string): boolean => spawnSync(shell, ['--version']).error !== undefined;

async function offered(shell: 'bash' | 'zsh', ...words: string[]): Promise<string[]> {
  const ended = await runProgram(shell, [...SHELLS[shell], 'descent', ...words], { cwd: home, env });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return ended.stdout.trimEnd().split(/\r?\n/);
}

describe.each(['bash', 'zsh'] as const)('in %s', (shell) => {
  it.skipIf(isMissing(shell))(
    `commands, options, values and ids are completed (needs ${shell})`,
    async () => {
      const [commands, options, shells, one, two, fields] = await Promise.all([
        offered(shell, 'c'),
        offered(shell, 'model', id, '--f'),
        offered(shell, 'completion', ''),
        offered(shell, 'show', ''),
        offered(shell, 'compare', id, 'job_'),
        offered(shell, 'train', '--set', 'limits.'),
      ]);
      expect(commands).toEqual(['checkpoints', 'cancel', 'compare', 'completion']);
      expect(options).toEqual(['--format']);
      expect(shells).toEqual(['bash', 'zsh']);
      expect(one).toEqual([id]);
      expect(two).toEqual([id]);
      expect(fields).toEqual(['limits.max_seconds=']);
    },
  );
});

it.skipIf(isMissing('zsh'))('files are offered where nothing else is known (needs zsh)', async () => {
  expect(await offered('zsh', 'train', 'spec')).toContain('spec of mine.json');
  expect(await offered('zsh', 'predict', '--fit', 'none', id, 'sp')).toContain('spec of mine.json');
});

it('knows the place of each word', async () => {
  const complete = async (...words: string[]) =>
    (await runProgram('descent', ['complete', '--', ...words], { cwd: home, env })).stdout;
  const expected: [string[], string][] = [
    [['help', 'pr'], 'predict\n'],
    [['--ver'], '--version\n'],
    [['train', '--name', ''], ''],
    [['model', '--format', '=', 'onnx', ''], `${id}\n`],
    [['model', '-o', 'x', ''], `${id}\n`],
    [['model', '-o', ''], ''],
    [['show', id, ''], ''],
    [['fork', id, '--set', 'seed=1', 'training.log'], 'training.log_every=\n'],
    [['train', '--set', 'loss', '=', 'm'], ''],
    [['train', '--set', 'loss', '=', 'mse', '--wa'], '--wait\n'],
    [['fields', 'limits'], 'limits.max_seconds\n'],
    [['complete', ''], ''],
    [['nonsense', ''], ''],
  ];
  expect(await Promise.all(expected.map(async ([words]) => [words, await complete(...words)]))).toEqual(
    expected,
  );
});

it('offers nothing while Descent is away', async () => {
  const away = { ...env, DESCENT_URL: await closedUrl() };
  const ended = await runProgram('descent', ['complete', '--', 'show', ''], { cwd: home, env: away });
  expect(ended).toEqual({ code: 0, stdout: '', stderr: '' });
});
