import { expect, inject, it } from 'vitest';
import { startReady } from '../support/started-descent.ts';
import { SMALL } from './small-jobs.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

it.skipIf(inject('redisBinary') === null)(
  'the lines of API and worker about a job carry its owner and the trace id of its request',
  async () => {
    const { program, url } = await startReady();
    const response = await fetch(`${url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
      body: JSON.stringify({ ...SMALL, name: 'x\r\n12:00:00 api    forged' }),
    });
    const { id } = (await response.json()) as { id: string };
    const about = `job="${id}" owner="local" trace_id="${TRACE}"`;
    const created = await program.line(/api .*job created/);
    expect(created).toContain(about);
    expect(created).toContain(`reqId="${response.headers.get('request-id')}"`);
    expect(await program.line(/worker .*job started/)).toContain(about);
    expect(await program.line(/worker .*job succeeded/)).toContain(about);
    expect(program.lines.filter((line) => line.startsWith('12:00:00 api    forged'))).toEqual([]);
  },
);
