import { listSettings } from '../process/config.ts';

/** The text that `npm start -- --help` prints. */
export function usageText(): string {
  const settings = listSettings().map(({ name, default: preset, description }) => {
    const value = preset === '' ? 'not set' : preset;
    return `  ${name.padEnd(19)} ${description}\n${' '.repeat(22)}Default: ${value}`;
  });
  return [
    'Descent trains neural networks behind an HTTP API.',
    '',
    'Usage: npm start [-- --help | --version]',
    '  Starts Redis, a worker and the API, and keeps them running. Ctrl-C stops them cleanly;',
    '  a second Ctrl-C kills them.',
    '',
    'Settings, as environment variables or in a file named .env in the working directory:',
    ...settings,
  ].join('\n');
}
