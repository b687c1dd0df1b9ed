/** What was sent cannot be given to the model. The message goes to the client. */
export class InputError extends Error {
  override readonly name = 'InputError';
  /** media: the body is of a type that is not taken, or not of the type that its header names. */
  readonly code: 'media' | 'content';

  constructor(code: InputError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
