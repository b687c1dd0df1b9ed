import { useSignal } from '@preact/signals';
import type { JobSpec } from '../../../src/client/descent.ts';
import { base, caller } from '../api/server.ts';
import { Copy } from '../parts/copy.tsx';

/** The request as text, for those who want to send it from elsewhere. */
export function Snippets({ spec }: { spec: JobSpec }) {
  const language = useSignal<keyof typeof LANGUAGES>('JSON');
  const text = LANGUAGES[language.value](spec, caller.value?.key != null);
  return (
    <section class="card snippets" aria-label="What would be sent">
      <h2>What would be sent</h2>
      <div class="row">
        <fieldset class="row chips">
          <legend class="hidden">As</legend>
          {(Object.keys(LANGUAGES) as (keyof typeof LANGUAGES)[]).map((name) => (
            <label key={name} class="chip">
              <input
                type="radio"
                name="language"
                checked={language.value === name}
                onChange={() => {
                  language.value = name;
                }}
              />
              {name}
            </label>
          ))}
        </fieldset>
        <Copy text={text} label={`Copy ${language.value}`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard */}
      <pre tabIndex={0}>{text}</pre>
      <p class="faint">Only what differs from the defaults; the job records all of it.</p>
    </section>
  );
}

const pretty = (spec: JobSpec): string => JSON.stringify(spec, null, 2);

const LANGUAGES = {
  JSON: pretty,
  curl: (spec: JobSpec, hasKey: boolean) =>
    [
      `curl -X POST ${base}jobs`,
      ...(hasKey ? ['-H "authorization: Bearer $DESCENT_API_KEY"'] : []),
      "-H 'content-type: application/json'",
      `-d '${JSON.stringify(spec).replaceAll("'", `'\\''`)}'`,
    ].join(' \\\n  '),
  Python: (spec: JobSpec, hasKey: boolean) =>
    [
      ...(hasKey ? ['import os'] : []),
      'import requests',
      '',
      `response = requests.post('${base}jobs', json=${python(spec)}${
        hasKey ? `,\n    headers={'authorization': 'Bearer ' + os.environ['DESCENT_API_KEY']}` : ''
      })`,
      "print(response.json()['id'])",
    ].join('\n'),
  TypeScript: (spec: JobSpec, hasKey: boolean) =>
    [
      "import { Descent } from 'descent/client';",
      '',
      `const descent = new Descent({ url: '${base}'${hasKey ? ', apiKey: process.env.DESCENT_API_KEY' : ''} });`,
      `const job = await descent.jobs.create(${pretty(spec)});`,
      'const { status, result } = await descent.jobs.wait(job.id);',
    ].join('\n'),
};

/** JSON's strings and numbers are Python's; its three words are not. */
function python(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}: ${python(each)}`)
    .join(', ')}}`;
}
