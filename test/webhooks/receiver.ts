import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { type WebhookBody, WebhookBodySchema } from '../../src/contract/delivery.ts';

/** Of tests; any 32 bytes. */
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export interface Received {
  id: string;
  body: WebhookBody;
  headers: IncomingHttpHeaders;
}

/** A receiver of webhooks, which verifies each message as its makers recommend. */
export class Receiver {
  readonly received: Received[] = [];
  /** What it answers; by default 204. */
  answer: (response: ServerResponse, received: Received) => void = (response) =>
    response.writeHead(204).end();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const headers = request.headers as Record<string, string>;
      try {
        new Webhook(SECRET).verify(text, headers);
      } catch (error) {
        this.faults.push(error);
      }
      const received = {
        id: headers['webhook-id'] ?? '',
        body: WebhookBodySchema.parse(JSON.parse(text)),
        headers,
      };
      this.received.push(received);
      for (const wake of this.#waiting.splice(0)) wake();
      this.answer(response, received);
    });
  });
  /** Why messages were not what they should be. */
  readonly faults: unknown[] = [];
  readonly #waiting: (() => void)[] = [];
  #port = 0;

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await receiver.listen();
    return receiver;
  }

  /** At the same port as before. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  /** Resolves when it has received so many. */
  async until(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
