import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const read = (path: string): string => readFileSync(path, 'utf8');

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')));

/** Lines of a shell script that do something. */
const commands = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('CI', () => {
  it('installs a Redis, optional tools and the packages, and runs check and acceptance: only what developers run too', () => {
    expect(commands(read('.ci/run'))).toEqual([
      'set -euo pipefail',
      'cd "$(dirname "$0")/.."',
      'if ! command -v redis-server >/dev/null && ! command -v valkey-server >/dev/null; then',
      'apt-get update -qq',
      'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server',
      'fi',
      '.ci/tools reports/python',
      'export PATH="$PWD/reports/python/bin:$PATH"',
      'npm ci',
      'mkdir -p reports',
      'rm -f reports/*.json',
      'status=0',
      'npm run check || status=$?',
      'npm run test:acceptance || status=$?',
      'node .ci/count.mjs reports/*.json || status=$?',
      'exit "$status"',
    ]);
  });

  it('check runs every lint, a strict build, and the tests with coverage', () => {
    const steps = scripts.check!.split(' && ');
    const lints = Object.keys(scripts).filter((name) => name === 'lint' || name.startsWith('lint:'));
    for (const lint of lints) expect(steps).toContain(`npm run -s ${lint}`);
    expect(steps).toContain('NATIVE_BUILD=strict npm run -s build');
    expect(steps.at(-1)).toBe('vitest run --coverage');
    expect(steps).toHaveLength(lints.length + 2);
  });
});

const LockSchema = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({
      resolved: z.string().optional(),
      dependencies: z.record(z.string(), z.string()).default({}),
      optionalDependencies: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

describe('the lockfile', () => {
  const { packages } = LockSchema.parse(JSON.parse(read('package-lock.json')));

  /** Whether Node finds the package from there: in that folder's node_modules, or in one above. */
  function isLocked(name: string, from: string): boolean {
    if (`${from === '' ? '' : `${from}/`}node_modules/${name}` in packages) return true;
    if (from === '') return false;
    const above = from.lastIndexOf('/node_modules/');
    return isLocked(name, above === -1 ? '' : from.slice(0, above));
  }

  it('has every package that its packages need, including those of other platforms, so that npm ci runs anywhere', () => {
    const missing = Object.entries(packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isLocked(name, from))
        .map((name) => `${from} needs ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it.each([
    '@biomejs/cli-linux-arm64-musl',
    '@msgpackr-extract/msgpackr-extract-darwin-arm64',
    '@oxc-resolver/binding-win32-x64-msvc',
    '@rolldown/binding-linux-x64-musl',
    'lightningcss-darwin-x64',
  ])('has %s, which is not of every machine', (name) => {
    expect(packages).toHaveProperty([`node_modules/${name}`]);
  });

  it('names only the registry that npm replaces with the configured one', () => {
    const hosts = Object.values(packages).flatMap(({ resolved }) =>
      resolved ? [new URL(resolved).host] : [],
    );
    expect(hosts.filter((host) => host !== 'registry.npmjs.org')).toEqual([]);
  });
});
