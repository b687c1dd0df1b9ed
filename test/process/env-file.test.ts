import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { SETTING_NAMES } from '../../src/process/config.ts';
import { ConfigError } from '../../src/process/config-error.ts';
import { readEnvFile } from '../../src/process/env-file.ts';
import { loadSettings, SETTINGS_ARE_READ } from '../../src/process/load-settings.ts';
import { likelySetting } from '../../src/process/setting-names.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

let folder: string;

beforeEach(async () => {
  folder = await makeTemporaryFolder();
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
});

const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');

async function read(content: string | Buffer): Promise<Record<string, string>> {
  await writeFile('.env', content);
  return Object.fromEntries([...readEnvFile('.env')!].map(([name, { value }]) => [name, value]));
}

async function load(content: string | Buffer, env: Record<string, string | undefined> = {}) {
  await writeFile('.env', content);
  return loadSettings(env);
}

describe('a .env file', () => {
  it.each([
    ['nothing', '', {}],
    ['a UTF-8 BOM', '\uFEFFPORT=1\nHOST=x', { PORT: '1', HOST: 'x' }],
    ['a BOM before a comment', '\uFEFF# c\nPORT=1', { PORT: '1' }],
    ['CRLF', 'PORT=1\r\n\r\nHOST=x\r\n', { PORT: '1', HOST: 'x' }],
    ['CR alone', 'PORT=1\rHOST=x', { PORT: '1', HOST: 'x' }],
    ['export', 'export PORT=1\n  export\tHOST=x', { PORT: '1', HOST: 'x' }],
    ['blanks around =', '\t PORT \t= 1 \n', { PORT: '1' }],
    ['quotes', `A='a b'\nB="a#b"\nC=\`it's\`\nD=''`, { A: 'a b', B: 'a#b', C: "it's", D: '' }],
    ['comments', 'A=1 # c\nB= # c\nC="x" # c\nD=#c\n # c', { A: '1', B: '', C: 'x', D: '' }],
    ['# within a value', 'URL=redis://h/#x', { URL: 'redis://h/#x' }],
    ['= within a value', 'A=b=c==', { A: 'b=c==' }],
    ['no value', 'A=\nB=2', { A: '', B: '2' }],
    ['several lines in quotes', `KEY="-----BEGIN\nabc=\n"\nA=1`, { KEY: '-----BEGIN\nabc=\n', A: '1' }],
    ['a name twice', 'A=1\nA=2', { A: '2' }],
  ])('with %s is read', async (_case, text, values) => {
    expect(await read(text)).toEqual(values);
  });

  it.each([
    ['UTF-16 LE', utf16('PORT=1'), /is encoded as UTF-16/],
    ['UTF-16 BE', utf16('PORT=1').swap16(), /is encoded as UTF-16/],
    ['UTF-16 without a BOM', Buffer.from('PORT=1', 'utf16le'), /NUL byte in line 1; it may be UTF-16/],
    ['a NUL byte', 'PORT=1\nHOST=a\0b', /NUL byte in line 2/],
    ['Latin-1', Buffer.from('A=1\r\n# für\n', 'latin1'), /is not UTF-8 in line 2/],
    ['a line without =', 'A=1\n\ns3cret\nB=2', /line 3 is not NAME=value/],
    ['a colon', 'PORT: 1', /line 1 is not/],
    ['a BOM in the middle', 'A=1\n\uFEFFPORT=1', /line 2 is not/],
    ['text after a quote', `A='s3cret'x`, /line 1 is not/],
    ['an open quote', `A=1\nB="s3cret\n`, /line 2 is not/],
    ['an open quote that ends settings later', `A='s3cret\nPORT=1\nB='x'`, /line 1 is not/],
    ['an open quote that a quote further down would end', `A="s3cret\nPORT=1"\n`, /line 1 is not/],
  ])('with %s is refused, quoting none of it', async (_case, content, message) => {
    const error = await read(content).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('s3cret');
  });

  it('is refused when it is a folder or a dangling link; a missing file is fine', async () => {
    expect(readEnvFile('.env')).toBeUndefined();
    await symlink('/nowhere/settings', '.env');
    expect(() => readEnvFile('.env')).toThrow(/a link to a file that does not exist/);
    await mkdir('folder');
    expect(() => readEnvFile(join(folder, 'folder'))).toThrow(/it is a folder/);
  });

  it.skipIf(process.getuid?.() === 0)('is refused when it may not be read', async () => {
    await writeFile('.env', 'PORT=1', { mode: 0 });
    expect(() => readEnvFile('.env')).toThrow(/this user may not read it/);
  });
});

describe('loadSettings', () => {
  it('uses the file where the environment sets nothing, and passes its values on', async () => {
    const env = { PORT: '1' };
    const { config, warnings } = await load('PORT=2\nRETENTION_DAYS=3\nTZ=UTC', env);
    expect(config).toMatchObject({ PORT: 1, RETENTION_DAYS: 3 });
    expect(env).toEqual({ PORT: '1', RETENTION_DAYS: '3', TZ: 'UTC' });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['RETENTION_DAY', 'RETENTION_DAYS'],
    ['REDIS_URl', 'REDIS_URL'],
    ['PROT', 'PORT'],
    ['port', 'PORT'],
    ['HOTS', 'HOST'],
    ['DATADIR', 'DATA_DIR'],
    ['REDIS_URI', 'REDIS_URL'],
    ['REDIS_PASSWROD', 'REDIS_PASSWORD'],
    ['RETENTION-GB', 'RETENTION_GB'],
    ['WORKERS_CONCURENCY', 'WORKER_CONCURRENCY'],
    ['DESCENT_PORT', 'PORT'],
    ['ALLOWED_HOST', 'ALLOWED_HOSTS'],
  ])('refuses %s in the file and warns of it in the environment, naming %s', async (name, setting) => {
    const inFile = () => load(`# c\n${name.replace('-', '.')}=s3cret`);
    await expect(inFile()).rejects.toThrow(/Wrong names in \.env:\n {2}line 2: /);
    await expect(inFile()).rejects.toThrow(`is not a setting; did you mean ${setting}?`);
    await expect(inFile()).rejects.not.toThrow('s3cret');
    const { warnings } = await load('', { [name]: 's3cret' });
    expect(warnings).toEqual([
      `The environment has ${name}, which is not a setting; did you mean ${setting}?`,
    ]);
  });

  it('mistakes no setting for another, nor the variables of other programs', () => {
    const usual =
      'PATH HOME PWD OLDPWD SHELL USER LOGNAME MAIL LANG TERM TZ TMPDIR SHLVL HOSTNAME HOSTTYPE EDITOR PAGER DISPLAY ' +
      'REDIS_HOST REDIS_PORT REDIS_DB REDIS_SSL REDIS_USER REDIS_PASS POSTGRES_PASSWORD DATABASE_URL LOG_FORMAT ' +
      'NODE_ENV NO_COLOR SSH_AUTH_SOCK XDG_DATA_DIRS DATA_HOME KUBERNETES_PORT DESCENT_SERVICE_HOST INIT_CWD';
    for (const name of [...SETTING_NAMES, ...usual.split(' ')]) {
      expect(likelySetting(name, SETTING_NAMES), name).toBeUndefined();
    }
  });

  it('lists unknown names in one warning, without those of compose and Node', async () => {
    const { warnings } = await load('FOO=s3cret\nCOMPOSE_PROJECT_NAME=x\nNODE_ENV=x\nBAR=2');
    expect(warnings).toEqual(['.env sets names that Descent does not know: FOO, BAR.']);
  });

  it('warns of a setting that appears twice in the file', async () => {
    const { config, warnings } = await load('PORT=1\n# c\nPORT=2\nFOO_BAR=1');
    expect(config.PORT).toBe(2);
    expect(warnings[0]).toBe('.env sets PORT in lines 1 and 3; the last one counts.');
  });

  it('names the file that a wrong value comes from, and the likely cause', async () => {
    await expect(load('\uFEFFPORT=x', { LEASE_MS: 'y', LOGLEVEL: 'info' })).rejects.toThrow(
      'Wrong settings:\n  PORT=x (in .env): expected a whole number from 0 to 65535\n' +
        '  LEASE_MS=y: expected a whole number from 1000 to 600000\n' +
        'The environment has LOGLEVEL, which is not a setting; did you mean LOG_LEVEL?',
    );
  });

  it('does not read the file if a parent has read it', async () => {
    const { config, warnings } = await load('PROT=1\nPORT=2', { PORT: '3', [SETTINGS_ARE_READ]: '1' });
    expect(config.PORT).toBe(3);
    expect(warnings).toEqual([]);
  });
});
