import { useSignal } from '@preact/signals';

/** A text to copy. Pages without TLS have no clipboard: then it is selected, for the keyboard. */
export function Copy({ text, label = 'Copy' }: { text: string; label?: string }) {
  const copied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      copied.value = true;
      setTimeout(() => {
        copied.value = false;
      }, 2_000);
    } catch {
      prompt('Copy this text:', text);
    }
  };
  return (
    <button type="button" onClick={() => void copy()} aria-live="polite">
      {copied.value ? 'Copied' : label}
    </button>
  );
}
