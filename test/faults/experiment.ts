import { Random } from './random.ts';

/** A promise as the reliability table has it, one line of RESULTS.md. */
export interface Row {
  /** P1, P2, ... */
  id: string;
  promise: string;
  fault: string;
  /** How many trials the design asks for. */
  designN: number;
  /** What `worst` measures and must stay below, for people: `s, <= 2`. */
  figure?: string;
  /** Published, and not promised. */
  unpromised?: true;
}

/** What one trial adds to a row: how many faults it took, and the worst figure it saw. */
export interface Proof {
  n: number;
  worst?: number;
}

/** Trials of one kind of fault. They may prove several promises at once. */
export interface Experiment {
  /** Unique; seeds depend on it. */
  name: string;
  /** The first row's n decides when there are enough trials. */
  rows: readonly Row[];
  /** Faults of a full run, and of the short one inside `npm test` (0: not there). */
  n: number;
  shortN: number;
  /** What the full run may take; with fewer faults than n if they did not fit. All together stay below 90 minutes. */
  seconds: number;
  /** Trials at a time, each with an installation of its own; for those that mostly wait. */
  parallel?: number;
  /** What this machine lacks for it, and how to get it; then it is not run, which is not passed. */
  missing?(): string | undefined;
  /**
   * One trial. @returns for each row (by its place) what it adds.
   * @throws when a promise was broken.
   */
  run(trial: Trial): Promise<Proof[]>;
}

interface Closable {
  /** `broken`: a promise was, and whatever explains it should be kept. */
  close(broken: boolean): Promise<void>;
}

/** What the trials of an experiment share, one after another: an installation takes a second to start. */
export class Stage {
  readonly #props = new Map<string, Promise<Closable>>();

  async lend<Prop extends Closable>(name: string, open: () => Promise<Prop>): Promise<Prop> {
    const prop = this.#props.get(name) ?? open();
    this.#props.set(name, prop);
    return (await prop) as Prop;
  }

  /** Closes one thing before the others. */
  async close(name: string): Promise<void> {
    const prop = this.#props.get(name);
    this.#props.delete(name);
    await (await prop)?.close(false);
  }

  /** Closes everything; the next trial starts anew. */
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
  /** By how much a bound in seconds is stretched: 1 where figures count, more on a machine that others use. */
  readonly patience: number;
  /** What was drawn, for whoever looks into a failure. */
  readonly notes: string[] = [];
  readonly #stage: Stage;
  readonly #startedMs = performance.now();

  constructor(experiment: string, runSeed: number, number: number, stage: Stage, patience: number) {
    this.number = number;
    this.seed = Random.seedOf(runSeed, experiment, number);
    this.random = new Random(this.seed);
    this.#stage = stage;
    this.patience = patience;
  }

  /** @throws {Broken} when something took longer than it may. */
  assertWithin(mostSeconds: number, seconds: number, what: string): void {
    const most = mostSeconds * this.patience;
    assertKept(seconds <= most, `${what}: ${seconds.toFixed(2)} s, and ${most} s are promised`);
  }

  note(text: string): void {
    this.notes.push(`${((performance.now() - this.#startedMs) / 1000).toFixed(3)} s  ${text}`);
  }

  /** Something that the next trials of this stage go on using: opened once, closed by the runner. */
  lend<Prop extends Closable>(name: string, open: () => Promise<Prop>): Promise<Prop> {
    return this.#stage.lend(name, open);
  }

  /** Closes something that the next trial must have anew. */
  giveUp(name: string): Promise<void> {
    return this.#stage.close(name);
  }
}

/** A promise that was not kept. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

export function assertKept(kept: boolean, what: string): asserts kept {
  if (!kept) throw new Broken(what);
}
