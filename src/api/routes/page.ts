import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { negotiate } from '../http/negotiation.ts';
import { documented } from '../openapi/route-documentation.ts';

/** Where the build puts it; tests run this module in src/ and use the dist/ that was built last. */
const ROOTS = ['../../../web/', '../../../dist/web/'];

const ROOT = ROOTS.map((root) => fileURLToPath(new URL(root, import.meta.url))).find((root) =>
  existsSync(join(root, 'assets')),
);

const AssetSchema = z.strictObject({
  file: z
    .string()
    .regex(/^[a-z]+-[0-9a-f]{12}\.(js|css|svg)$/)
    .meta({ description: 'The name of a file, which contains the beginning of its SHA-256.' }),
});

/** The page for people, and its files. */
export function pageRoutes(app: FastifyInstance, { basePath }: { basePath: string }, done: () => void): void {
  if (ROOT === undefined) throw new Error('dist/web is missing: run npm run build');
  app.register(fastifyStatic, { root: ROOT, serve: false, preCompressed: true, cacheControl: false });

  app.get('/', { config: PAGE }, async (request, reply) => {
    // Programs and `curl` get what they got before there was a page.
    if (negotiate(request, reply, ['application/json', 'text/html']) !== 'text/html') {
      return reply.redirect(`${basePath}/docs`, 302);
    }
    // The names of its files are relative, so that it works below any path.
    if (!request.originalUrl.split('?')[0]!.endsWith('/')) return reply.redirect(`${basePath}/`, 302);
    return reply.header('cache-control', 'no-cache').sendFile('index.html');
  });

  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      '/assets/:file',
      { schema: { params: AssetSchema }, config: ASSET },
      async ({ params: { file } }, reply) =>
        reply.header('cache-control', 'public, max-age=31536000, immutable').sendFile(`assets/${file}`),
    );
  done();
}

const PAGE = documented({
  operationId: 'getRoot',
  tag: 'operations',
  access: 'public',
  summary: 'The page; for programs a redirect to /docs',
  responses: {
    200: { description: 'The page.', content: { 'text/html': { schema: { type: 'string' } } } },
    302: {
      description: 'A redirect to /docs, for those that accept no HTML.',
      headers: { Location: { description: 'The path of /docs.', schema: { type: 'string' } } },
    },
  },
  problems: ['not_acceptable'],
});

const ASSET = documented({
  operationId: 'getAsset',
  tag: 'operations',
  access: 'public',
  summary: 'A file of the page',
  responses: {
    200: {
      description: 'The file. It never changes.',
      content: {
        'application/javascript': { schema: { type: 'string' } },
        'text/css': { schema: { type: 'string' } },
        'image/svg+xml': { schema: { type: 'string' } },
      },
    },
  },
  problems: ['not_found'],
});
