import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ActivationSchema } from '../src/contract/activation.ts';
import { OptimizerSchema } from '../src/contract/optimizer.ts';
import { PRELUDE } from '../src/store/transition-runner.ts';
import { OPTIMIZERS } from './engine/small-problem.ts';

/** What CONTRIBUTING.md promises that a test enforces, where no other test does. */

/** Some files of the folder surround each transition. */
const TRANSITIONS = readdirSync('src/store/transitions')
  .map((name) => name.replace(/\.lua$/, ''))
  .filter((name) => ![...PRELUDE, 'commit'].includes(name));

const TYPES = OptimizerSchema.options.map((option) => option.shape.type.value);

describe('CONTRIBUTING.md', () => {
  it('names files and commands that exist', () => {
    const page = readFileSync('CONTRIBUTING.md', 'utf8');
    const paths = [
      ...page.matchAll(/`((?:src|test|workers|scripts)\/[^`]*|[\w.-]+\.(?:yml|txt)|\.env\.example)`/g),
    ];
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.map(([, path]) => path!).filter((path) => !existsSync(path))).toEqual([]);
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object };
    const commands = [...page.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe.each(TRANSITIONS)('the transition %s', (name) => {
  it('has a scenario in which Redis refuses it', () => {
    const text = readFileSync('test/store/refused-writes.test.ts', 'utf8');
    expect(text).toMatch(new RegExp(`^  '?${name}\\b.*: async \\((?:id)?\\) =>`, 'm'));
  });

  it('has a row in ARCHITECTURE', () => {
    expect(readFileSync('ARCHITECTURE.md', 'utf8')).toContain(`\n| ${name} | `);
  });
});

it.each(ActivationSchema.options)('the activation %s is in README', (name) => {
  expect(readFileSync('README.md', 'utf8')).toMatch(
    new RegExp(`Activations, .*\`${name}\`.*\`dropout\``, 's'),
  );
});

describe.each(TYPES)('the optimizer %s', (type) => {
  it('is among those on which the engines are compared', () => {
    expect(Object.values(OPTIMIZERS).map((optimizer) => optimizer.type)).toContain(type);
  });

  it('is in README', () => {
    expect(readFileSync('README.md', 'utf8')).toMatch(new RegExp(`\`${type}\`\\s+\\(learning_rate`));
  });
});
