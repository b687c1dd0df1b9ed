import type { Job, ModelFormat } from '../../../src/client/descent.ts';
import { fileOf } from '../api/files.ts';
import { MODEL_FORMATS } from '../api/names.ts';
import { Copy } from '../parts/copy.tsx';
import { qualityOf } from '../parts/quality.ts';

const WHAT: Record<ModelFormat, string> = {
  safetensors: 'weights for JAX, NumPy and others',
  onnx: 'ONNX, takes inputs as the data have them',
  keras: 'Keras 3, with the state of the optimizer',
  'weights.h5': 'weights for Keras',
  json: 'numbers as text',
};

interface File {
  name: string;
  path: string;
  query?: Record<string, string>;
  what: string;
}

const MODELS: readonly File[] = [
  ...MODEL_FORMATS.map((format) => ({ name: format, path: '/model', query: { format }, what: WHAT[format] })),
  {
    name: 'safetensors, torch',
    path: '/model',
    query: { format: 'safetensors', layout: 'torch' },
    what: 'weights under the names of PyTorch',
  },
  {
    name: 'onnx, scaled',
    path: '/model',
    query: { format: 'onnx', preprocessing: 'scaled' },
    what: 'takes scaled inputs',
  },
  {
    name: 'keras, scaled',
    path: '/model',
    query: { format: 'keras', preprocessing: 'scaled' },
    what: 'takes scaled inputs',
  },
  { name: 'model.json', path: '/model/tfjs/model.json', what: 'TensorFlow.js, first file' },
  { name: 'weights.bin', path: '/model/tfjs/weights.bin', what: 'TensorFlow.js, second file' },
];

const METRICS: readonly File[] = [
  { name: 'metrics.csv', path: '/metrics', query: { format: 'csv' }, what: 'a line for each epoch' },
  { name: 'metrics.ndjson', path: '/metrics', query: { format: 'ndjson' }, what: 'a JSON object a line' },
  { name: 'metrics.json', path: '/metrics', query: { format: 'columns' }, what: 'an array for each field' },
  {
    name: 'tensorboard.zip',
    path: '/metrics',
    query: { format: 'tensorboard' },
    what: 'event files for TensorBoard',
  },
];

const chart = (name: string, what: string): File => ({
  name: `${name}.svg`,
  path: `/charts/${name}.svg`,
  what,
});

const EVALUATION: File = { name: 'evaluation.json', path: '/evaluation', what: 'all of the evaluation' };

/** Everything to take away, and the hashes that say that it is the same. */
export function Files({ job }: { job: Job }) {
  const { id, latest, result, status } = job;
  const hasModel = status === 'succeeded';
  const { key, title } = qualityOf(job);
  const matrix =
    key === 'mae' ? chart('residuals', 'how far it is off') : chart('confusion', 'confusion matrix');
  return (
    <section class="card">
      <h2>Downloads</h2>
      <div class="grid">
        <div>
          <h3>Model</h3>
          {hasModel ? (
            <List id={id} files={MODELS} />
          ) : (
            <p class="faint">There is a model once the job has succeeded.</p>
          )}
        </div>
        <div>
          <h3>Metrics and charts</h3>
          {latest === null ? (
            <p class="faint">There are metrics once an epoch has ended.</p>
          ) : (
            <List
              id={id}
              files={[
                ...METRICS,
                chart('loss', 'curves of the loss'),
                chart(key, `curves of the ${title}`),
                ...(hasModel ? [matrix, EVALUATION] : []),
              ]}
            />
          )}
        </div>
      </div>
      {result !== null && (
        <>
          <h3>Hashes</h3>
          <p class="faint">The same spec gives the same hashes on every machine.</p>
          <dl class="facts hashes">
            <Hash name="Weights" sha256={result.weights_sha256} />
            <Hash name="Metrics" sha256={result.metrics_sha256} />
          </dl>
        </>
      )}
    </section>
  );
}

function List({ id, files }: { id: string; files: readonly File[] }) {
  return (
    <ul class="files">
      {files.map(({ name, path, query, what }) => (
        <li key={name}>
          <a href={fileOf(id, path, query)} download={path === '/model' ? '' : `${id}-${name}`}>
            {name}
          </a>{' '}
          <span class="faint">{what}</span>
        </li>
      ))}
    </ul>
  );
}

function Hash({ name, sha256 }: { name: string; sha256: string }) {
  return (
    <>
      <dt>{name}, SHA-256</dt>
      <dd class="row">
        <code>{sha256}</code>
        <Copy text={sha256} />
      </dd>
    </>
  );
}
