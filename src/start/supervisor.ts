import { type ChildReport, type ChildSpec, SupervisedChild } from './supervised-child.ts';

/**
 * Keeps the children of `npm start` running. It starts them stage by stage, each stage once the one before is ready,
 * and stops them one by one in reverse order.
 */
export class Supervisor {
  readonly #stages: readonly (readonly SupervisedChild[])[];
  readonly #waiting = new Map<string, () => void>();

  constructor(stages: readonly (readonly ChildSpec[])[], report: ChildReport) {
    const listening: ChildReport = {
      ...report,
      ready: (name, url) => {
        report.ready(name, url);
        this.#waiting.get(name)?.();
      },
    };
    this.#stages = stages.map((specs) => specs.map((spec) => new SupervisedChild(spec, listening)));
  }

  /** Resolves when all children are ready. If one never is, it waits forever, and `report.failed` is called. */
  async start(): Promise<void> {
    for (const children of this.#stages) {
      await Promise.all(
        children.map((child) => {
          const ready = new Promise<void>((resolve) => this.#waiting.set(child.spec.name, resolve));
          child.start();
          return ready;
        }),
      );
    }
  }

  async stop(): Promise<void> {
    for (const child of this.#stages.flat().reverse()) await child.stop();
  }

  /** Sends SIGKILL to all children. */
  kill(): void {
    for (const child of this.#stages.flat()) child.kill();
  }
}
