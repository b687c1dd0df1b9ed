import { Random } from './random.ts';

/** A promise of the reliability table: one line of RESULTS.md. */
export interface Row {
  /** P1, P2, ... */
  id: string;
  promise: string;
  fault: string;
  /** The number of trials that the design asks for. */
  designN: number;
  /** The unit and bound of `worst`, for people: `s, <= 2`. */
  figure?: string;
  /** Published but not promised. */
  unpromised?: true;
}

/** What one trial adds to a row: its number of faults and its worst figure. */
export interface Proof {
  n: number;
  worst?: number;
}

/** Trials of one kind of fault, which may prove several promises. */
export interface Experiment {
  /** Unique; seeds depend on it. */
  name: string;
  /** The n of the first row decides when there are enough trials. */
  rows: readonly Row[];
  /** Faults in a full run, and in the short run inside `npm test` (0 = not included). */
  n: number;
  shortN: number;
  /** Time limit of the full run, which stops early with fewer than n faults. All limits together stay below 90 min. */
  seconds: number;
  /** A trial that takes longer hangs; 400 if unset. */
  trialSeconds?: number;
  /** Concurrent trials, each with its own installation; for trials that mostly wait. */
  parallel?: number;
  /** What this machine lacks, and how to install it. The experiment is then reported as not run, never as passed. */
  missing?(): string | undefined;
  /**
   * Runs one trial. @returns a proof for each row, in order.
   * @throws when a promise was broken.
   */
  run(trial: Trial): Promise<Proof[]>;
}

interface Closable {
  /** `broken`: a promise was broken; keep the files that explain it. */
  close(broken: boolean): Promise<void>;
}

/** Resources that successive trials of an experiment share, because an installation takes a second to start. */
export class Stage {
  readonly #props = new Map<string, Promise<Closable>>();

  async lend<Prop extends Closable>(name: string, open: () => Promise<Prop>): Promise<Prop> {
    const prop = this.#props.get(name) ?? open();
    this.#props.set(name, prop);
    return (await prop) as Prop;
  }

  /** Closes one resource before the others. */
  async close(name: string): Promise<void> {
    const prop = this.#props.get(name);
    this.#props.delete(name);
    await (await prop)?.close(false);
  }

  /** Closes everything; the next trial starts from scratch. */
  async clear(broken: boolean): Promise<void> {
    const props = [...this.#props.values()].reverse();
    this.#props.clear();
    for (const prop of props) await prop.then((opened) => opened.close(broken)).catch(() => {});
  }
}

export class Trial {
  readonly number: number;
  readonly seed: number;
  readonly random: Random;
  /** Factor on every bound in seconds: 1 where figures count, more on a shared machine. */
  readonly patience: number;
  readonly #share: number;
  /** What was drawn, to explain a failure. */
  readonly notes: string[] = [];
  readonly #stage: Stage;
  readonly #startedMs = performance.now();

  constructor(
    experiment: string,
    runSeed: number,
    number: number,
    stage: Stage,
    { patience, share }: { patience: number; share: number },
  ) {
    this.number = number;
    this.seed = Random.seedOf(runSeed, experiment, number);
    this.random = new Random(this.seed);
    this.#stage = stage;
    this.patience = patience;
    this.#share = share;
  }

  /** How often a trial does what it does n times in a full run: less often in the short one, but at least twice. */
  times(n: number): number {
    return Math.max(2, Math.round(n * this.#share));
  }

  /** @throws {Broken} when something took longer than promised. */
  assertWithin(mostSeconds: number, seconds: number, what: string): void {
    const most = mostSeconds * this.patience;
    assertKept(seconds <= most, `${what}: ${seconds.toFixed(2)} s, but ${most} s are promised`);
  }

  note(text: string): void {
    this.notes.push(`${((performance.now() - this.#startedMs) / 1000).toFixed(3)} s  ${text}`);
  }

  /** A resource that the next trials of this stage reuse: opened once, closed by the runner. */
  lend<Prop extends Closable>(name: string, open: () => Promise<Prop>): Promise<Prop> {
    return this.#stage.lend(name, open);
  }

  /** Closes a resource, so that the next trial opens a new one. */
  giveUp(name: string): Promise<void> {
    return this.#stage.close(name);
  }
}

/** Thrown when a promise was not kept. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

export function assertKept(kept: boolean, what: string): asserts kept {
  if (!kept) throw new Broken(what);
}
