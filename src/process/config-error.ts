/** A setting that is not allowed, or a file of settings that cannot be read. The message needs no stack. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
