import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';

/**
 * A TCP proxy between two processes that injects network faults: cuts, silence, delay, lost connections that nobody
 * ends, and replies lost after the command ran.
 */
export class FaultProxy {
  readonly #server: Server;
  readonly #target: NetConnectOpts;
  readonly #links = new Set<Link>();
  #cut = false;
  /** While true, bytes are neither forwarded nor refused. */
  #silent = false;
  /** Delay of all bytes, in each direction. */
  delayMs = 0;
  #lossy: { share: number; random: Random } | undefined;
  #bytesLeft: (() => number) | undefined;
  /** Connections broken since `loseReplies` or `breakAfter`: each lost a reply or was cut in the middle of one. */
  faults = 0;

  private constructor(target: NetConnectOpts) {
    this.#target = target;
    this.#server = createServer((client) => {
      if (this.#cut) client.destroy();
      else this.#links.add(new Link(client, connect(this.#target), this));
    });
  }

  static async open(target: NetConnectOpts): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return address.port;
  }

  get silent(): boolean {
    return this.#silent;
  }

  /** Ends all connections and accepts none, until healed. */
  cut(): void {
    this.#cut = true;
    this.#endAll();
  }

  /** Silently stops all bytes in both directions. */
  silence(): void {
    this.#silent = true;
  }

  /** Swallows all bytes of the present connections from now on, without an end; new ones work. */
  forsake(): void {
    for (const link of this.#links) link.forsaken = true;
  }

  /** Loses this share of the replies: the connection breaks after the command ran and before its reply arrives. */
  loseReplies(share: number, random: Random): void {
    this.#lossy = { share, random };
    this.faults = 0;
  }

  /** Breaks each connection after this many bytes of replies. */
  breakAfter(bytes: () => number): void {
    this.#bytesLeft = bytes;
    this.faults = 0;
  }

  heal(): void {
    this.#cut = false;
    this.#silent = false;
    this.delayMs = 0;
    this.#lossy = undefined;
    this.#bytesLeft = undefined;
    for (const link of this.#links) link.flush();
  }

  /** The bytes that a silent proxy holds back on their way to the target. */
  get held(): string {
    return [...this.#links].map((link) => link.held).join('');
  }

  async close(): Promise<void> {
    this.#endAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #endAll(): void {
    for (const link of this.#links) link.destroy();
  }

  /** @internal */
  forget(link: Link): void {
    this.#links.delete(link);
  }

  /** @internal */
  isReplyLost(): boolean {
    const lost = this.#lossy?.random.chance(this.#lossy.share) === true;
    if (lost) this.faults++;
    return lost;
  }

  /** @internal */
  bytesOfNewLink(): number {
    return this.#bytesLeft?.() ?? Number.POSITIVE_INFINITY;
  }
}

/** One connection through the proxy: two sockets and the bytes in flight between them. */
class Link {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #proxy: FaultProxy;
  #requests: Buffer[] = [];
  #replies: Buffer[] = [];
  #bytesLeft: number;
  #lastRequest = Promise.resolve();
  #lastReply = Promise.resolve();
  forsaken = false;

  constructor(client: Socket, target: Socket, proxy: FaultProxy) {
    this.#client = client;
    this.#target = target;
    this.#proxy = proxy;
    this.#bytesLeft = proxy.bytesOfNewLink();
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.destroy());
      socket.on('close', () => this.destroy());
    }
    client.on('data', (bytes) => {
      if (this.forsaken) return;
      this.#lastRequest = this.#later(this.#lastRequest, () =>
        this.#pass(bytes, this.#requests, this.#target),
      );
    });
    target.on('data', (bytes) => {
      if (this.forsaken) return;
      if (proxy.isReplyLost()) this.destroy();
      else this.#lastReply = this.#later(this.#lastReply, () => this.#reply(bytes));
    });
  }

  get held(): string {
    return Buffer.concat(this.#requests).toString('latin1');
  }

  flush(): void {
    for (const bytes of this.#requests.splice(0)) this.#target.write(bytes);
    for (const bytes of this.#replies.splice(0)) this.#client.write(bytes);
  }

  destroy(): void {
    this.#client.destroy();
    this.#target.destroy();
    this.#proxy.forget(this);
  }

  #reply(bytes: Buffer): void {
    if (this.#client.destroyed) return;
    if (bytes.length >= this.#bytesLeft) {
      this.#proxy.faults++;
      this.#client.write(bytes.subarray(0, this.#bytesLeft), () => this.destroy());
      return;
    }
    this.#bytesLeft -= bytes.length;
    this.#pass(bytes, this.#replies, this.#client);
  }

  #pass(bytes: Buffer, held: Buffer[], to: Socket): void {
    if (this.#proxy.silent) held.push(bytes);
    else if (!to.destroyed) to.write(bytes);
  }

  /** Runs an action after the delay, in order with earlier ones. */
  async #later(earlier: Promise<void>, run: () => void): Promise<void> {
    const delay = this.#proxy.delayMs > 0 ? sleep(this.#proxy.delayMs) : undefined;
    await earlier;
    await delay;
    run();
  }
}
