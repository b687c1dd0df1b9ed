/** Why Descent cannot start, for the person who started it: the message is the whole story and needs no stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
