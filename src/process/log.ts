/** The logger interface that the rooms use; Fastify's and pino's loggers satisfy it. */
export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}
