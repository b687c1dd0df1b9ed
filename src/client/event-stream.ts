/** Reads Server-Sent Events. EventSource cannot send an API key, and Node 20 has none. */

/** The server sends a comment every 15 s. A stream without any for longer is dead, whatever its socket says. */
const QUIET_MS = 45_000;

/** One message; the fields that it lacks are ''. `retry` comes without data. */
export interface Message {
  id: string;
  event: string;
  data: string;
  retry: string;
}

/** All messages, until the stream ends or has been quiet for too long. @throws what a broken connection throws */
export async function* readMessages(body: ReadableStream<Uint8Array>): AsyncGenerator<Message, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const chunk = await readUnlessQuiet(reader);
      if (chunk === undefined) return;
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      // The last is not complete yet.
      text = blocks.pop()!;
      for (const block of blocks) yield parseMessage(block);
    }
  } finally {
    // Also when nobody wants more: the connection ends. A broken stream cannot be cancelled, nor need it be.
    reader.cancel().catch(() => {});
  }
}

async function readUnlessQuiet(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), QUIET_MS);
  try {
    return (await reader.read()).value;
  } finally {
    clearTimeout(timer);
  }
}

function parseMessage(block: string): Message {
  const message: Message = { id: '', event: '', data: '', retry: '' };
  for (const line of block.split('\n')) {
    const [, name, value] = /^(id|event|data|retry): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined) message[name as keyof Message] = value!;
  }
  return message;
}
