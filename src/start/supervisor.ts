import { type ChildReport, type ChildSpec, SupervisedChild } from './supervised-child.ts';

/**
 * Keeps the children of `npm start` running. They are started stage by stage, each when those before it are ready,
 * and stopped one after another in the opposite order.
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

  /** Resolves when all are ready. For one that never is it waits for ever; `report.failed` hears of that. */
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

  /** SIGKILL for all children, at once. */
  kill(): void {
    for (const child of this.#stages.flat()) child.kill();
  }
}
