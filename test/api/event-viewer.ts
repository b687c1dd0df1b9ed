import { get, type IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Message {
  id: string | undefined;
  event: string | undefined;
  data: unknown;
}

/** Reads an event stream off a real socket, block by block. */
export class EventViewer {
  readonly response: IncomingMessage;
  /** All text received so far. */
  text = '';
  #unread = '';
  #ended = false;
  #wake: (() => void) | undefined;

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.text += chunk;
      this.#unread += chunk;
      this.#wake?.();
    });
    const end = () => {
      this.#ended = true;
      this.#wake?.();
    };
    response.on('end', end);
    response.on('close', end);
    response.on('error', end);
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventViewer> {
    const viewer = await new Promise<EventViewer>((resolve, reject) => {
      get(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false }, (response) => {
        resolve(new EventViewer(response));
      }).on('error', reject);
    });
    onTestFinished(() => viewer.close());
    return viewer;
  }

  close(): void {
    this.response.destroy();
  }

  /** The next block of lines, comments included; undefined when the stream has ended. */
  async block(): Promise<string | undefined> {
    for (;;) {
      const end = this.#unread.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#unread.slice(0, end);
        this.#unread = this.#unread.slice(end + 2);
        return block;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next message; skips comments and retry. */
  async message(): Promise<Message | undefined> {
    for (;;) {
      const block = await this.block();
      if (block === undefined) return undefined;
      const fields = new Map(
        block.split('\n').map((line) => {
          const [, name = '', value = ''] = /^(\w*): ?(.*)$/.exec(line) ?? [];
          return [name, value];
        }),
      );
      const data = fields.get('data');
      if (data !== undefined)
        return { id: fields.get('id'), event: fields.get('event'), data: JSON.parse(data) };
    }
  }

  async messages(): Promise<Message[]> {
    const all: Message[] = [];
    for (let next = await this.message(); next !== undefined; next = await this.message()) all.push(next);
    return all;
  }

  async types(count: number): Promise<(string | undefined)[]> {
    const types: (string | undefined)[] = [];
    while (types.length < count) types.push((await this.message())?.event);
    return types;
  }
}
