import { useSignal } from '@preact/signals';
import { go, href } from '../route.ts';
import { newRaceId, RACE_DATASETS, RACE_SIZE, SEEDS } from './race-plan.ts';

/** What to race over. The address then has the plan, and posting it begins. */
export function RaceStart() {
  const dataset = useSignal<string>('mnist_sample');
  const epochs = useSignal(10);
  const start = (event: Event) => {
    event.preventDefault();
    go(href('race', { race: newRaceId(), dataset: dataset.value, epochs: String(epochs.value) }));
  };
  return (
    <form class="card empty" onSubmit={start}>
      <h2>Which optimizer learns fastest?</h2>
      <p>
        RMSProp, SGD, AdaGrad and Adam, each with its default learning rate, train the same network{' '}
        {SEEDS.length} times. Every seed gives all four the same initial weights and the same batches, so what
        differs is the optimizer. That makes {RACE_SIZE} jobs.
      </p>
      <p class="row">
        <label>
          Dataset
          <select
            value={dataset.value}
            onChange={(event) => {
              dataset.value = event.currentTarget.value;
            }}
          >
            {RACE_DATASETS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Epochs
          <input
            type="number"
            min={1}
            max={1000}
            required
            value={epochs.value}
            onInput={(event) => {
              epochs.value = event.currentTarget.valueAsNumber;
            }}
          />
        </label>
        <button type="submit" class="primary">
          Start the race
        </button>
      </p>
    </form>
  );
}
