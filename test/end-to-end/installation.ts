import { inject, onTestFinished } from 'vitest';
import { type InstallationOptions, RunningInstallation } from '../support/running-installation.ts';

/** An installation for one test, on the tests' shared Redis unless the test needs its own to kill. */
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
