import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../src/process/config.ts';
import { ALIVE_FILE } from '../workers/heartbeat.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

const ServiceSchema = z.looseObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), args: z.record(z.string(), z.string()) }).optional(),
  pull_policy: z.string().optional(),
  mem_limit: z.string(),
  logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), z.string()) }),
  command: z.array(z.string()),
  user: z.string(),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()),
  ports: z.array(z.string()).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()), interval: z.string() }).loose(),
  stop_grace_period: z.string(),
  restart: z.string(),
  init: z.boolean(),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  tmpfs: z.array(z.string()),
});

const compose = z
  .object({
    name: z.string(),
    services: z.strictObject({ valkey: ServiceSchema, api: ServiceSchema, worker: ServiceSchema }),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(read('docker-compose.yml'), { merge: true }));
const { valkey, api, worker } = compose.services;

/** How Compose expands `${NAME:-default}` when NAME is not set. */
const withDefaults = (environment: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value.replace(/\$\{\w+:-([^}]*)\}/, '$1')]),
  );

describe('docker-compose.yml', () => {
  it('makes Valkey keep its data and never evict any of it', () => {
    expect(valkey.image).toBe('valkey/valkey:8');
    const settings = valkey.command.join(' ');
    for (const setting of ['--appendonly yes', '--appendfsync everysec', '--maxmemory-policy noeviction']) {
      expect(settings).toContain(setting);
    }
    expect(settings).toMatch(/--maxmemory \d+mb/);
    expect(valkey.volumes).toEqual(['valkey:/data']);
  });

  it('publishes only the API, and only to this machine', () => {
    expect(api.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:.*:3000$/)]);
    expect(valkey.ports).toBeUndefined();
    expect(worker.ports).toBeUndefined();
  });

  it('can have many workers', () => {
    expect(worker).not.toHaveProperty('container_name');
    expect(worker).not.toHaveProperty('hostname');
    expect(worker.command).toEqual(['node', 'dist/workers/main.js']);
  });

  it('gives API and workers one data volume, one Redis and one version', () => {
    for (const service of [api, worker]) {
      expect(service.volumes).toEqual(['data:/data']);
      expect(service.environment).toMatchObject({ DATA_DIR: '/data', REDIS_URL: 'redis://valkey:6379' });
      expect(service.depends_on).toEqual({ valkey: { condition: 'service_healthy' } });
    }
    expect(api.image).toBe(worker.image);
    expect(api.environment.KEY_PREFIX).toBe(worker.environment.KEY_PREFIX);
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')));
    expect(api.image).toBe(`descent:${version}`);
    expect(Object.keys(compose.volumes).sort()).toEqual(['data', 'valkey']);
  });

  it('sets only existing settings, to allowed values and to their defaults', () => {
    const usual = loadConfig({});
    for (const service of [api, worker]) {
      const environment = withDefaults(service.environment);
      const config = loadConfig(environment);
      const own = ['HOST', 'AUTH', 'DATA_DIR', 'REDIS_URL'];
      for (const name of Object.keys(environment)) {
        const setting = name as keyof typeof usual;
        if (!own.includes(name)) expect(config[setting], name).toEqual(usual[setting]);
      }
    }
    expect(withDefaults(api.environment)).toMatchObject({ HOST: '0.0.0.0', PORT: '3000', AUTH: 'none' });
  });

  it.each(['valkey', 'api', 'worker'] as const)('removes all rights that %s does not need', (name) => {
    expect(compose.services[name]).toMatchObject({
      restart: 'unless-stopped',
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      tmpfs: [expect.stringMatching(/^\/tmp/)],
      user: name === 'valkey' ? 'valkey' : '1000:1000',
    });
  });

  it('builds the image once, and the worker never pulls it', () => {
    expect(api.build?.context).toBe('.');
    expect(withDefaults(api.build!.args)).toEqual({ NODE: '24', TFJS_NODE: '' });
    expect(worker.build).toBeUndefined();
    expect(worker.pull_policy).toBe('never');
  });

  it.each(['valkey', 'api', 'worker'] as const)('bounds the memory and the log of %s', (name) => {
    const { mem_limit, logging } = compose.services[name];
    expect(mem_limit).toMatch(/^(\$\{WORKER_MEMORY:-)?\d+[mg]\}?$/);
    expect(logging).toEqual({ driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } });
  });

  it('gives Valkey room for its data, and for a copy while it rewrites its file', () => {
    const maxmemory = Number(/--maxmemory (\d+)mb/.exec(valkey.command.join(' '))?.[1]);
    expect(Number.parseInt(valkey.mem_limit, 10)).toBeGreaterThan(2 * maxmemory);
  });

  it('has the names of project and volumes that README backs up and restores', () => {
    const named = [...read('README.md').matchAll(/--volume (\w+):\/(\w+)/g)].map(([, volume]) => volume);
    const volumes = Object.keys(compose.volumes).map((volume) => `${compose.name}_${volume}`);
    expect([...new Set(named)].sort()).toEqual(volumes.sort());
    expect(named).toHaveLength(2 * volumes.length);
    expect(read('README.md')).toContain(`--entrypoint tar ${api.image} `);
  });

  it('checks the health of each', () => {
    expect(valkey.healthcheck.test.join(' ')).toContain('valkey-cli ping');
    expect(api.healthcheck.test.join(' ')).toContain("fetch('http://127.0.0.1:3000/readyz?exclude=workers')");
    const check = worker.healthcheck.test.join(' ');
    expect(check).toContain(ALIVE_FILE);
    expect(check).toContain('< 30000');
  });

  it('waits longer than each needs to stop', () => {
    const seconds = (duration: string) => Number(/^(\d+)s$/.exec(duration)?.[1]);
    expect(seconds(worker.stop_grace_period)).toBeGreaterThan(8);
    expect(seconds(api.stop_grace_period)).toBeGreaterThan(5);
  });
});

describe('Dockerfile', () => {
  const lines = read('Dockerfile')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const built = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));

  const text = lines.join('\n').replaceAll(/\\\n\s*/g, '');
  const { version, peerDependencies } = z
    .object({ version: z.string(), peerDependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(read('package.json')));

  it('builds and runs on Node 24 by default', () => {
    expect(lines.filter((line) => /^(FROM|ARG NODE)/.test(line))).toEqual([
      'ARG NODE=24',
      'FROM node:$NODE AS build',
      'FROM node:$NODE-slim',
    ]);
    // RUN --mount needs BuildKit's syntax, which the first line selects.
    expect(read('Dockerfile').startsWith('# syntax=docker/dockerfile:1\n')).toBe(true);
  });

  it("installs what the lockfile has, keeps npm's downloads out of the image, and removes development packages", () => {
    const runs = [...text.matchAll(/^RUN (.*npm .*)$/gm)].map(([, run]) => run);
    const cache = '--mount=type=cache,target=/root/.npm';
    expect(runs).toEqual([
      `${cache} npm ci`,
      'NATIVE_BUILD=required npm run build',
      "npm prune --omit=dev && find dist -name '*.map' -delete",
      `${cache} if [ -n "$TFJS_NODE" ]; then npm install --no-save --omit=dev --ignore-scripts=false "@tensorflow/tfjs-node@$TFJS_NODE"; fi`,
    ]);
  });

  it('names the version of tfjs-node that Descent accepts', () => {
    const arguments_ = `--build-arg NODE=22 --build-arg TFJS_NODE=${peerDependencies['@tensorflow/tfjs-node']}`;
    expect(read('Dockerfile')).toContain(arguments_);
    expect(read('README.md')).toContain(`NODE=22 TFJS_NODE=${peerDependencies['@tensorflow/tfjs-node']} `);
  });

  it('labels the image with this version', () => {
    expect(text).toContain(`org.opencontainers.image.version="${version}"`);
    expect(read('Dockerfile')).toContain(`--tag descent:${version} `);
  });

  it('runs as a user that owns only /data', () => {
    expect(built).toContain('USER 1000:1000');
    expect(built.indexOf('RUN mkdir /data && chown 1000:1000 /data')).toBeLessThan(
      built.indexOf('USER 1000:1000'),
    );
    expect(built.filter((line) => line.startsWith('COPY')).every((line) => !line.includes('chown'))).toBe(
      true,
    );
  });

  it('copies only what .dockerignore allows', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = lines
      .filter((line) => line.startsWith('COPY') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied.sort()).toEqual(allowed.sort());
  });
});
