import { readFileSync, writeFileSync } from 'node:fs';
import { buildApp } from '../src/api/app.ts';
import { quotasFor } from '../src/api/quotas.ts';

/**
 * Writes openapi/openapi.json; with --check, only compares it with the schemas. Runs in the root of the checkout.
 */

const FILE = 'openapi/openapi.json';

/** Stands in for every dependency of the API, none of which the document needs. */
const unused = new Proxy(
  {},
  { get: (_target, name) => fail(`the OpenAPI document must not need ${String(name)}`) },
);

function fail(message: string): never {
  throw new Error(message);
}

/** The text of openapi/openapi.json. */
export async function renderOpenApi(version: string): Promise<string> {
  const nothing = unused as never;
  const { fastify, openapi } = await buildApp({
    store: nothing,
    control: nothing,
    retention: nothing,
    datasets: nothing,
    results: nothing,
    events: nothing,
    feed: nothing,
    signals: nothing,
    artifacts: nothing,
    models: nothing,
    dataDir: '',
    uploadLimits: { bodyBytes: 1, totalBytes: 1, memoryBytes: 1 },
    modelBytes: 0,
    storage: nothing,
    jobCounts: nothing,
    diskRoom: nothing,
    workers: nothing,
    webhooks: nothing,
    webhookRules: { on: true, allowPrivate: false, forAll: false },
    timings: nothing,
    liveJobs: nothing,
    queue: nothing,
    redisTroubles: nothing,
    version,
    allowedHosts: [],
    basePath: '',
    auth: 'none',
    apiKeys: nothing,
    sessions: nothing,
    corsOrigins: [],
    maxConnections: 1,
    maxQueuedJobs: 1,
    maxStreams: 1,
    quotas: quotasFor('none', {}),
  });
  try {
    await fastify.ready();
    return `${JSON.stringify(openapi(), null, 2)}\n`;
  } finally {
    await fastify.close();
  }
}

async function main(check: boolean): Promise<void> {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const text = await renderOpenApi(version);
  if (!check) {
    writeFileSync(FILE, text);
    console.log(`wrote ${FILE}`);
  } else if (readFileSync(FILE, 'utf8') !== text) {
    console.error(`${FILE} does not match the schemas: run \`npm run openapi\` and commit it`);
    process.exitCode = 1;
  }
}

if (import.meta.filename === process.argv[1]) await main(process.argv.includes('--check'));
