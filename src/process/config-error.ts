/** A setting that is not allowed, or a file of settings that cannot be read. The message is the whole story. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
