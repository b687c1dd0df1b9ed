import { checkRedis, type RedisFinding } from './checks.ts';
import { isAboutLogin, type Redis } from './connections.ts';
import { grantLine, type Role } from './rights.ts';
import { type Lacks, RightsCheck } from './rights-check.ts';

/** Findings are cached for this long. */
const AGE_MS = 2_000;

/**
 * Whether this process can use its Redis and, if not, why, in sentences for a person. A right that is missing at the
 * start ends the process; one that goes missing later makes it wait, since it may come back.
 */
export class RedisHealth {
  readonly #redis: Redis;
  readonly #root: string;
  readonly #rights: RightsCheck;
  #report: (finding: RedisFinding) => void = () => {};
  #known = new Set<string>();
  /** True once a check has found everything in place; from then on, a missing right does not end this process. */
  #started = false;
  #looking: Promise<RedisFinding[]> | undefined;
  #endFirstLook: () => void = () => {};
  /** Resolves when a check first finds nothing that forbids a start. */
  readonly firstLook = new Promise<void>((resolve) => {
    this.#endFirstLook = resolve;
  });

  /** @param redis the connection that this process sends its commands on. @param root `{<KEY_PREFIX>}:` */
  constructor(redis: Redis, root: string, role: Role) {
    this.#redis = redis;
    this.#root = root;
    this.#rights = new RightsCheck(redis, root, role);
  }

  /**
   * Checks now if the connection is ready, and again whenever it becomes ready, since a Redis that comes back may be a
   * different one. A finding is reported once, and again only after it had gone away. `refuse` means that this process
   * must end.
   */
  watch(report: (finding: RedisFinding) => void): void {
    this.#report = report;
    this.#redis.on('ready', () => {
      this.#looking = undefined;
      void this.findings();
    });
    this.#redis.on('error', (error: Error) => {
      if (!this.#started && isAboutLogin(error.message)) this.#tell([loginRefused(error.message)]);
    });
    if (this.#redis.status === 'ready') void this.findings();
  }

  /** Reasons why Redis cannot serve this process now; none while it can, or cannot be reached. */
  async troubles(): Promise<RedisFinding[]> {
    const findings = await this.findings();
    return findings.filter(({ level }) => level !== 'warn');
  }

  /** All findings about Redis; never throws. */
  findings(): Promise<RedisFinding[]> {
    this.#looking ??= this.#look().finally(() => {
      setTimeout(() => {
        this.#looking = undefined;
      }, AGE_MS).unref();
    });
    return this.#looking;
  }

  close(): void {
    this.#rights.close();
  }

  async #look(): Promise<RedisFinding[]> {
    let findings: RedisFinding[];
    try {
      findings = [...(await this.#lacking()), ...(await checkRedis(this.#redis))];
    } catch {
      // Redis is away. The connections report that, and the next 'ready' triggers another check.
      return [];
    }
    this.#tell(findings);
    if (findings.every(({ level }) => level === 'warn' || level === 'passing')) {
      this.#started = true;
      this.#endFirstLook();
    }
    return findings;
  }

  #tell(findings: RedisFinding[]): void {
    for (const finding of findings) {
      if (this.#known.has(finding.message)) continue;
      const ends = finding.level === 'refuse' || (finding.level === 'lacking' && !this.#started);
      this.#report({ ...finding, level: ends ? 'refuse' : 'warn' });
    }
    this.#known = new Set(findings.map(({ message }) => message));
  }

  /** @throws when Redis does not answer. */
  async #lacking(): Promise<RedisFinding[]> {
    try {
      const lacks = await this.#rights.look();
      return [...this.#missingRights(lacks), ...lacks.others.map(otherwiseRefused)];
    } catch (error) {
      if (!(error instanceof Error) || !isAboutLogin(error.message)) throw error;
      return [loginRefused(error.message)];
    }
  }

  #missingRights({ rights }: Lacks): RedisFinding[] {
    if (rights.length === 0) return [];
    const { username, db } = this.#redis.options;
    const user = username ?? 'default';
    return [
      {
        level: 'lacking',
        message:
          `Redis does not allow its user ${user} all that Descent needs. Missing: ${rights.join(', ')}. ` +
          `Grant exactly what is needed in redis-cli with: ${grantLine(this.#root, user, { database: db ?? 0 })}`,
      },
    ];
  }
}

function loginRefused(message: string): RedisFinding {
  const sentence = message.includes('NOAUTH')
    ? 'Redis asks for a password, and REDIS_URL has none.'
    : 'Redis refuses the user or the password of REDIS_URL, or that user is switched off.';
  return { level: 'lacking', message: `${sentence} (Redis answers: ${firstWord(message)})` };
}

const firstWord = (message: string): string => /\b[A-Z]{3,}\b/.exec(message)?.[0] ?? message;

/** Other reasons why Redis refuses a command. */
function otherwiseRefused(message: string): RedisFinding {
  return { ...explain(message), refusal: firstWord(message) };
}

function explain(message: string): RedisFinding {
  const answer = `(Redis answers: ${message})`;
  switch (firstWord(message)) {
    case 'READONLY':
      return {
        level: 'lacking',
        message: `This Redis is a read-only replica: REDIS_URL must name its primary. ${answer}`,
      };
    case 'MOVED':
    case 'ASK':
      return {
        level: 'lacking',
        message: `This Redis is part of a cluster, which Descent does not support: REDIS_URL must name a single Redis. ${answer}`,
      };
    case 'OOM':
      return {
        level: 'passing',
        message: `Redis is full: raise its maxmemory, or remove jobs. Until then it takes no writes. ${answer}`,
      };
    case 'MISCONF':
      return {
        level: 'passing',
        message: `Redis cannot save to its disk, and takes no writes until it can. ${answer}`,
      };
    default:
      return { level: 'passing', message: `Redis does not run our commands now. ${answer}` };
  }
}
