import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { monotonicMs } from '../../process/clock.ts';
import { bodyNotInTime, ProblemError, writeProblem } from './problems.ts';

export interface ConnectionLimits {
  /** Connections at a time. */
  max: number;
  /** How long the body of a request may take to arrive. */
  bodyMs: number;
  /** How long a connection may stay in one state: waiting for a request, or busy with one. */
  stateMs: number;
  /** How often that is checked. */
  checkMs: number;
}

interface Connection {
  sinceMs: number;
  /** The responses under way: more than one if the client does not wait for each. */
  responses: Set<ServerResponse>;
}

/**
 * Keeps the number of connections below a limit, and the age of each. Node limits neither a response that nobody reads
 * nor a body that trickles in after its answer.
 *
 * When there are too many, a new connection takes the place of the one that has waited longest without a request, so
 * silent clients cannot keep others out. When all are busy, the new one gets a 503.
 */
export class ConnectionGuard {
  readonly #limits: ConnectionLimits;
  readonly #isStream: (response: ServerResponse) => boolean;
  // Both in the order in which the connections came into that state.
  readonly #waiting = new Map<Socket, Connection>();
  readonly #busy = new Map<Socket, Connection>();

  /** @param isStream whether a response may last; others are cut off after `stateMs` */
  constructor(limits: ConnectionLimits, isStream: (response: ServerResponse) => boolean) {
    this.#limits = limits;
    this.#isStream = isStream;
  }

  /** Guards the connections of a server until it closes. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#add(socket));
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) =>
      this.#follow(socket, response),
    );
    const check = setInterval(() => this.#cutOff(), this.#limits.checkMs).unref();
    server.once('close', () => clearInterval(check));
  }

  #add(socket: Socket): void {
    if (this.#waiting.size + this.#busy.size >= this.#limits.max) {
      const [oldest] = this.#waiting.keys();
      if (oldest === undefined) {
        refuse(socket);
        return;
      }
      this.#waiting.delete(oldest);
      oldest.destroy();
    }
    this.#move(socket, { sinceMs: 0, responses: new Set() }, this.#waiting);
    socket.once('close', () => {
      this.#waiting.delete(socket);
      this.#busy.delete(socket);
    });
  }

  #follow(socket: Socket, response: ServerResponse): void {
    const connection = this.#waiting.get(socket) ?? this.#busy.get(socket);
    if (connection === undefined) return;
    connection.responses.add(response);
    this.#move(socket, connection, this.#busy);
    response.once('close', () => {
      connection.responses.delete(response);
      if (connection.responses.size === 0 && !socket.destroyed) this.#move(socket, connection, this.#waiting);
    });
  }

  #move(socket: Socket, connection: Connection, to: Map<Socket, Connection>): void {
    connection.sinceMs = monotonicMs();
    this.#waiting.delete(socket);
    this.#busy.delete(socket);
    to.set(socket, connection);
  }

  #cutOff(): void {
    const latestBody = monotonicMs() - this.#limits.bodyMs;
    for (const [socket, { sinceMs, responses }] of this.#busy) {
      if (sinceMs > latestBody) break;
      const isSlow = [...responses].some((response) => !response.req.complete && !this.#isStream(response));
      if (isSlow) writeProblem(socket, bodyNotInTime(), randomUUID());
    }
    const latest = monotonicMs() - this.#limits.stateMs;
    for (const connections of [this.#waiting, this.#busy]) {
      for (const [socket, { sinceMs, responses }] of connections) {
        if (sinceMs > latest) break;
        if (![...responses].some(this.#isStream)) socket.destroy();
      }
    }
  }
}

function refuse(socket: Socket): void {
  // Node's parser would otherwise read a request that nobody may answer.
  socket.removeAllListeners('data').on('data', () => {});
  socket.on('error', () => socket.destroy());
  const detail = 'All connections of this server are in use. Retry in a few seconds.';
  writeProblem(
    socket,
    new ProblemError('overloaded', detail, { headers: { 'retry-after': '5' } }),
    randomUUID(),
  );
}
