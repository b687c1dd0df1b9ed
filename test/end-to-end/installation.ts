import { afterAll, inject, onTestFinished } from 'vitest';
import { type InstallationOptions, RunningInstallation } from '../support/running-installation.ts';

/** An installation for one test or file, on the tests' shared Redis unless the test needs its own to kill. */
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

  /** One that all tests of a file use; to be called outside of them. */
  static async startForFile(): Promise<Installation> {
    const all = { redisUrl: inject('redisUrl') };
    const installation = new Installation(all);
    afterAll(() => installation.close());
    await installation.open(all);
    return installation;
  }
}
