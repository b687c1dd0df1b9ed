import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { CallerSchema, LoginSchema, MeSchema } from '../../contract/access.ts';
import { isoTime } from '../../store/job-view.ts';
import type { Authentication } from '../access/authentication.ts';
import { type Caller, callerOf } from '../access/caller.ts';
import { readSessionCookie, sessionCookie } from '../access/session-cookie.ts';
import type { ApiDeps } from '../deps.ts';
import { acceptJsonBody } from '../http/json-body.ts';
import { ProblemError } from '../http/problems.ts';
import type { TokenBuckets } from '../http/token-buckets.ts';
import type { LastingResponses } from '../lasting-responses.ts';
import { documented, json } from '../openapi/route-documentation.ts';
import { useOf } from '../use.ts';

type SessionDeps = ApiDeps & {
  authentication: Authentication;
  lasting: Pick<LastingResponses, 'countOf'>;
  buckets: TokenBuckets | undefined;
};

/** Who the caller is, and the sessions of browsers. */
export function sessionRoutes(app: FastifyInstance, deps: SessionDeps, done: () => void): void {
  const { auth, authentication, sessions, basePath, publicUrl } = deps;
  const place = { basePath, secure: publicUrl?.protocol === 'https:' };

  app.get('/me', { config: ME }, async (request) => {
    const caller = callerOf(request);
    const streams = deps.lasting.countOf(caller.owner);
    return { ...describe(caller), use: await useOf(caller.owner, deps, { buckets: deps.buckets, streams }) };
  });

  app.register((scope, _options, registered) => {
    acceptJsonBody(scope);
    scope.withTypeProvider<ZodTypeProvider>().route({
      method: 'POST',
      url: '/session',
      schema: { body: LoginSchema },
      config: LOGIN,
      handler: async (request, reply) => {
        if (auth === 'none') {
          throw new ProblemError(
            'not_found',
            'This server needs no keys (AUTH=none), so it has no sessions.',
          );
        }
        const key = await authentication.keyOf(request.body.key, request.ip);
        reply.header('set-cookie', sessionCookie(await sessions.start(key.id), place));
        return describe({ owner: key.owner, role: key.role, key });
      },
    });
    registered();
  });

  app.delete('/session', { config: LOGOUT }, async (request, reply) => {
    const token = readSessionCookie(request.headers.cookie);
    if (token !== undefined) await sessions.end(token);
    return reply.header('set-cookie', sessionCookie(undefined, place)).code(204).send();
  });
  done();
}

const describe = ({ owner, role, key }: Caller) => ({
  object: 'caller' as const,
  owner,
  role,
  key: key === undefined ? null : { id: key.id, name: key.name, expires_at: timeOrNull(key.expiresMs) },
});

const timeOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : isoTime(ms));

const CALLER_EXAMPLE = {
  object: 'caller',
  owner: 'alice',
  role: 'writer',
  key: { id: '4fQz8LkW2bT', name: 'ci', expires_at: null },
};

const USE_EXAMPLE = {
  queued: { used: 3, limit: 1000 },
  running: { used: 1, limit: null },
  storage_bytes: { used: 5_120_000, limit: 5_000_000_000 },
  dataset_bytes: { used: 0, limit: 5_000_000_000 },
  requests_this_minute: { used: 12, limit: 1200 },
  streams: { used: 1, limit: 20 },
};

const CALLER_EXAMPLES = { examples: { writer: { summary: 'With a key', value: CALLER_EXAMPLE } } };

const SET_COOKIE = { description: 'The session.', schema: { type: 'string' }, required: true };

const ME = documented({
  operationId: 'getCaller',
  tag: 'access',
  access: 'reader',
  summary: 'Who you are to this server, what you use, and what you may use',
  responses: {
    200: json('You.', MeSchema, {
      examples: { writer: { summary: 'With a key', value: { ...CALLER_EXAMPLE, use: USE_EXAMPLE } } },
    }),
  },
  problems: ['store_unavailable'],
});

const LOGIN = documented({
  operationId: 'createSession',
  tag: 'access',
  access: 'public',
  summary: 'Log in with an API key, for browsers',
  description:
    'Sets a cookie that stands for the key for 12 hours. With it, requests that change something are accepted only from pages of this server.',
  responses: {
    200: json('Logged in.', CallerSchema, { ...CALLER_EXAMPLES, headers: { 'Set-Cookie': SET_COOKIE } }),
  },
  problems: [
    'unsupported_media_type',
    'unauthenticated',
    'too_many_bad_keys',
    'not_found',
    'store_unavailable',
  ],
});

const LOGOUT = documented({
  operationId: 'deleteSession',
  tag: 'access',
  access: 'public',
  summary: 'Log out',
  responses: { 204: { description: 'Logged out.', headers: { 'Set-Cookie': SET_COOKIE } } },
  problems: ['store_unavailable'],
});
