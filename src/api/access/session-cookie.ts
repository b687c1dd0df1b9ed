import { SESSION_SECONDS } from '../../store/sessions.ts';

/** The cookie of a browser's session. */

const NAME = 'descent_session';
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** The session's token in a Cookie header, if there is one that could be valid. */
export function readSessionCookie(header: string | undefined): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [name, value] = pair.split('=', 2);
    if (name?.trim() === NAME && value !== undefined && TOKEN.test(value.trim())) return value.trim();
  }
  return undefined;
}

export interface CookiePlace {
  basePath: string;
  /** Whether browsers reach us by https. */
  secure: boolean;
}

/** @param token undefined = makes the browser forget it. */
export function sessionCookie(token: string | undefined, { basePath, secure }: CookiePlace): string {
  const attributes = [
    `${NAME}=${token ?? ''}`,
    `Path=${basePath === '' ? '/' : basePath}`,
    `Max-Age=${token === undefined ? 0 : SESSION_SECONDS}`,
    'HttpOnly',
    'SameSite=Strict',
    ...(secure ? ['Secure'] : []),
  ];
  return attributes.join('; ');
}
