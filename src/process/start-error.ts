/** Why Descent cannot start, for the person who started it. The message needs no stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
