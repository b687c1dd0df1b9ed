import { useSignal } from '@preact/signals';
import { login } from '../api/server.ts';
import { Problem } from '../parts/problem.tsx';

/** Asks for a key once; the browser then keeps a session, which no script can read. */
export function Login() {
  const key = useSignal('');
  const error = useSignal<unknown>(undefined);
  const submit = async (event: Event) => {
    event.preventDefault();
    error.value = undefined;
    try {
      await login(key.value.trim());
    } catch (reason) {
      error.value = reason;
    }
  };
  return (
    <form class="card empty" onSubmit={(event) => void submit(event)}>
      <h1>This server needs a key</h1>
      <p>
        Paste your API key. The browser keeps a session for 12 hours, not the key. An administrator makes keys
        with <code>npm run keys create</code>.
      </p>
      <div class="field">
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          required
          value={key.value}
          onInput={(event) => {
            key.value = event.currentTarget.value;
          }}
        />
      </div>
      <Problem error={error.value} />
      <p class="row">
        <button type="submit" class="primary">
          Log in
        </button>
      </p>
    </form>
  );
}
