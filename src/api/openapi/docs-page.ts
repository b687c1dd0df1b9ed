import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import type { OpenApiDocument } from './document.ts';

/** /docs: Swagger UI for our OpenAPI document. */
export function docsPage(
  app: FastifyInstance,
  { basePath, openapi }: { basePath: string; openapi: () => OpenApiDocument },
  done: () => void,
): void {
  // The document is complete once all routes are registered; the plugin reads it at the first request.
  const document: Record<string, unknown> = {};
  app.addHook('onReady', async () => {
    Object.assign(document, openapi());
  });
  // The plugin redirects to its page without the base path.
  app.addHook('onSend', async (_request, reply) => {
    const location = reply.getHeader('location');
    if (typeof location === 'string') reply.header('location', `${basePath}${location}`);
  });
  app.register(swagger, { mode: 'static', specification: { document: document as never } });
  app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: basePath,
    uiConfig: {
      layout: 'BaseLayout',
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
      tryItOutEnabled: true,
    },
    theme: { title: 'Descent' },
  });
  done();
}
