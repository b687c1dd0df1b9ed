import { useSignal } from '@preact/signals';
import { base, descent } from '../api/server.ts';
import { Copy } from '../parts/copy.tsx';
import { Problem } from '../parts/problem.tsx';
import { go, href } from '../route.ts';

/** An empty installation: three ways to a first curve. */
export function NoJobs() {
  const error = useSignal<unknown>(undefined);
  const start = async () => {
    try {
      const { id } = await descent.jobs.create();
      go(href(`jobs/${id}`));
    } catch (reason) {
      error.value = reason;
    }
  };
  const curl = `curl -X POST ${base}jobs -H 'content-type: application/json' -d '{}'`;
  const python = `import requests\nprint(requests.post('${base}jobs', json={}).json()['id'])`;
  return (
    <section class="card empty">
      <h2>No jobs yet</h2>
      <p>Train the classic Keras example, RMSProp on MNIST, and watch it learn. It takes a few seconds.</p>
      <p class="row">
        <button type="button" class="primary" onClick={() => void start()}>
          Train it
        </button>
        <a href={href('new')}>or choose everything yourself</a>
      </p>
      <Problem error={error.value} />
      <h2>From a shell</h2>
      <div class="snippet">
        <pre>{curl}</pre>
        <Copy text={curl} />
      </div>
      <h2>From Python</h2>
      <div class="snippet">
        <pre>{python}</pre>
        <Copy text={python} />
      </div>
    </section>
  );
}
