import { inject, onTestFinished } from 'vitest';
import { type InstallationOptions, RunningInstallation } from '../support/running-installation.ts';

/** An installation for one test: on the Redis that the tests share, unless the test wants to kill one. */
export class Installation extends RunningInstallation {
  static async start({
    ownRedis = false,
    ...options
  }: Omit<InstallationOptions, 'redisUrl' | 'log'> & { ownRedis?: boolean } = {}): Promise<Installation> {
    const all = ownRedis ? options : { ...options, redisUrl: inject('redisUrl') };
    const installation = new Installation(all);
    onTestFinished(() => installation.close());
    await installation.open(all);
    return installation;
  }
}
