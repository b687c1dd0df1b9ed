import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './problems.ts';

/** The methods of each path: to answer OPTIONS, 405 with Allow, and 404 for unknown paths. */
export class PathMethods {
  readonly #basePath: string;
  readonly #paths = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  constructor(basePath: string) {
    this.#basePath = basePath;
  }

  /** Collects the routes of an app; call this before they are registered. */
  observe(app: FastifyInstance): void {
    app.addHook('onRoute', ({ url, method }) => {
      const path = url.length > 1 ? url.replace(/\/$/, '') : url;
      const known = this.#paths.get(path) ?? { pattern: patternOf(path), methods: new Set(['OPTIONS']) };
      for (const each of [method].flat()) known.methods.add(each);
      this.#paths.set(path, known);
    });
  }

  /**
   * An onRequest hook that answers requests without a route, before the body is read. A path of its own, such as
   * /jobs/validate, has its own methods only: the router would take it for a job's id in the others.
   * @throws {ProblemError} method_not_allowed or not_found
   */
  answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const path = pathOf(request.url);
    const own = this.#paths.get(path);
    if (!request.is404 && (own === undefined || own.methods.has(request.method))) return undefined;
    const allow = this.#allow(path);
    // The method is allowed but no route matched: our pattern is wider than the router's.
    if (allow === undefined || (allow.split(', ').includes(request.method) && request.method !== 'OPTIONS')) {
      throw this.notFound();
    }
    if (request.method === 'OPTIONS') return reply.code(204).header('allow', allow).send();
    throw new ProblemError(
      'method_not_allowed',
      `This path does not take ${request.method}. It takes ${allow}.`,
      { headers: { allow } },
    );
  };

  notFound(): ProblemError {
    return new ProblemError('not_found', `There is no such path. ${this.#basePath}/docs lists all paths.`);
  }

  #allow(path: string): string | undefined {
    const own = this.#paths.get(path);
    const methods = new Set<string>();
    for (const known of own === undefined ? this.#paths.values() : [own]) {
      if (known.pattern.test(path)) for (const method of known.methods) methods.add(method);
    }
    return methods.size === 0 ? undefined : [...methods].sort().join(', ');
  }
}

/** Without the query, and without a slash at the end. */
function pathOf(url: string): string {
  const path = decodePath(url.split('?', 1)[0] ?? '');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** The router has already refused paths that it could not decode. */
function decodePath(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** Matches paths as the router does: `:id`, `*`, with or without a trailing slash. */
function patternOf(path: string): RegExp {
  const source = path
    .split('/')
    .map((part) =>
      part.startsWith(':') ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace('*', '.*'),
    )
    .join('/');
  return new RegExp(`^${source}/?$`);
}
