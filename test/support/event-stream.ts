import { type JobEvent, JobEventSchema } from '../../src/contract/job-event.ts';

/**
 * Reads a job's event stream as an EventSource would: parses SSE, and after a broken connection reconnects from the
 * last id that it saw. Ends after the terminal event.
 */
export async function* readEventStream(url: () => string): AsyncGenerator<JobEvent> {
  let lastId = 0;
  for (;;) {
    try {
      const response = await fetch(url(), {
        headers: { accept: 'text/event-stream', ...(lastId > 0 && { 'last-event-id': String(lastId) }) },
      });
      if (response.status === 204) return;
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      for await (const message of messagesOf(response)) {
        if (message.event === 'reset' || message.event === 'job.steps') continue;
        const event = JobEventSchema.parse(JSON.parse(message.data));
        if (String(event.seq) !== message.id || event.type !== message.event) {
          throw new Error(`id, event and data disagree: ${JSON.stringify(message)}`);
        }
        lastId = event.seq;
        yield event;
      }
    } catch (error) {
      if (error instanceof Error && error.name !== 'TypeError' && !/^503/.test(error.message)) throw error;
    }
    // The server is gone or ended the stream: reconnect as EventSource does, but without its `retry` wait.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Message {
  id: string;
  event: string;
  data: string;
}

/** The messages of a response, as they come. */
export async function* messagesOf(response: Response): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line): [string, string] => [
            line.slice(0, line.indexOf(':')),
            line.slice(line.indexOf(':') + 2),
          ]),
      );
      text = text.slice(end + 2);
      const data = fields.get('data');
      if (data !== undefined) yield { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data };
    }
  }
}
