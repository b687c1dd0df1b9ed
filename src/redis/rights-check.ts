import { isAboutLogin, type Redis } from './connections.ts';
import { type CommandName, channelPattern, commandsOf, exampleOf, keyPattern, type Role } from './rights.ts';

/** A command that Redis refuses now, and its error message. */
interface Refusal {
  command: string;
  message: string;
}

const TIMEOUT_MS = 2_000;

/** What an installation lacks on a Redis: rights by name, and Redis's other reasons for a refusal. */
export interface Lacks {
  /** Commands, then patterns. */
  rights: string[];
  /** Replies that are not about rights: READONLY, OOM, MOVED ... */
  others: string[];
}

/**
 * Asks Redis whether it would run each command that a process needs. The commands are queued in a transaction that is
 * then discarded: Redis checks user, key, channel, memory, disk and role before it queues a command, and runs none. The
 * check has its own connection, so that no other command gets into that transaction.
 */
export class RightsCheck {
  readonly #main: Redis;
  readonly #root: string;
  readonly #role: Role;
  #connection: Redis | undefined;

  /** @param main the connection whose user and server to check. @param root `{<KEY_PREFIX>}:` */
  constructor(main: Redis, root: string, role: Role) {
    this.#main = main;
    this.#root = root;
    this.#role = role;
  }

  /** @throws when Redis is away, or refuses the user or the password. */
  async look(): Promise<Lacks> {
    const redis = this.#connect();
    try {
      return sortOut(await this.#refusals(redis), this.#root);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#connection?.disconnect();
    this.#connection = undefined;
  }

  async #refusals(redis: Redis): Promise<Refusal[]> {
    const refusals: Refusal[] = [];
    const ask = async (command: string, ...args: string[]): Promise<boolean> => {
      try {
        await redis.call(command, ...args);
        return true;
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'ReplyError' || isAboutLogin(error.message))
          throw error;
        refusals.push({ command, message: error.message });
        return false;
      }
    };
    // EXEC is tried on an empty transaction, since it would run queued commands. Without MULTI, the others would run.
    if (await ask('multi')) {
      const executes = await ask('exec');
      if (executes && (await ask('multi'))) {
        await Promise.all(
          this.#queued().map((name) => ask(name, ...exampleOf(name, this.#key, this.#channel))),
        );
        const { db } = redis.options;
        if (db !== undefined && db !== 0) await ask('select', String(db));
        if (await ask('discard')) await this.#subscribe(redis, refusals);
      }
    }
    // The connection may still be inside a transaction or a subscription.
    if (refusals.length > 0) this.close();
    return refusals;
  }

  /** Really subscribes: the client library tracks these two commands by name, so they cannot be queued. */
  async #subscribe(redis: Redis, refusals: Refusal[]): Promise<void> {
    for (const command of ['subscribe', 'unsubscribe'] as const) {
      try {
        await redis[command](this.#channel);
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
        refusals.push({ command, message: error.message });
        return;
      }
    }
  }

  #queued(): CommandName[] {
    const others = ['multi', 'exec', 'discard', 'subscribe', 'unsubscribe'];
    return commandsOf(this.#role).filter((name) => !others.includes(name));
  }

  get #key(): string {
    return `${this.#root}rights-probe`;
  }

  get #channel(): string {
    return `${this.#root}rights-probe`;
  }

  #connect(): Redis {
    if (this.#connection === undefined || this.#connection.status === 'end') {
      this.#connection = this.#main.duplicate({
        enableOfflineQueue: true,
        // The ready check needs INFO, which may be among the missing rights.
        enableReadyCheck: false,
        commandTimeout: TIMEOUT_MS,
        maxRetriesPerRequest: 0,
        retryStrategy: () => null,
      });
      // Each of its errors also rejects the waiting command.
      this.#connection.on('error', () => {});
    }
    return this.#connection;
  }
}

function sortOut(refusals: readonly Refusal[], root: string): Lacks {
  const commands = new Set<string>();
  const patterns = new Set<string>();
  const others = new Set<string>();
  for (const { command, message } of refusals) {
    if (/unknown command/i.test(message)) commands.add(command.toUpperCase());
    else if (!/\bNOPERM\b/.test(message)) others.add(message);
    else if (/\bchannels?\b/i.test(message)) patterns.add(channelPattern(root));
    else if (/\bkeys?\b/i.test(message)) patterns.add(keyPattern(root));
    else commands.add(command.toUpperCase());
  }
  return { rights: [...commands, ...patterns], others: [...others] };
}
