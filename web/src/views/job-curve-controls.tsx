import { zoomOf } from '../charts/zoom.ts';
import { setQuery } from '../route.ts';

/** How the curves are shown. */
export function CurveControls({
  query,
  smoothing,
  zoomKey,
}: {
  query: URLSearchParams;
  smoothing: number;
  zoomKey: string;
}) {
  const zoom = zoomOf(zoomKey);
  return (
    <div class="row">
      {(['x', 'y'] as const).map((axis) => (
        <label key={axis} class="chip">
          <input
            type="checkbox"
            checked={query.get(`log${axis}`) === '1'}
            onChange={(event) => setQuery({ [`log${axis}`]: event.currentTarget.checked ? '1' : undefined })}
          />
          log {axis}
        </label>
      ))}
      <label>
        Smoothing
        <input
          type="range"
          min={0}
          max={0.95}
          step={0.05}
          value={smoothing}
          onInput={({ currentTarget: { valueAsNumber } }) =>
            setQuery({ smooth: valueAsNumber === 0 ? undefined : String(valueAsNumber) }, { replace: true })
          }
        />
        <output class="smoothing">{smoothing.toFixed(2)}</output>
      </label>
      <button
        type="button"
        disabled={zoom.value === undefined}
        onClick={() => {
          zoom.value = undefined;
        }}
      >
        Show all epochs
      </button>
    </div>
  );
}
