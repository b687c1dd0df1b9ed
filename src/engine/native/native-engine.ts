import type { EngineOptions } from '../engine.ts';
import { KernelEngine } from '../kernel/kernel-engine.ts';

/** A vector width that this processor supports: its size in floats, and its common name. */
export interface NativeWidth {
  readonly width: number;
  readonly name: string;
}

/** The exports of native/addon.c. */
export interface NativeAddon {
  /** Widest first. */
  readonly widths: readonly NativeWidth[];
  train(width: number, memory: ArrayBuffer, from: number, steps: number): number;
  measure(
    width: number,
    memory: ArrayBuffer,
    starts: number,
    targets: number,
    rows: number,
    B: number,
    training: number,
  ): void;
  packRows(
    width: number,
    memory: ArrayBuffer,
    starts: number,
    from: number,
    values: number,
    rows: number,
  ): void;
  settleRows(width: number, memory: ArrayBuffer): void;
  allFinite(width: number, memory: ArrayBuffer): number;
  denormalsAreAlive(width: number, memory: ArrayBuffer, smallest: number): number;
}

/**
 * The native engine: gives the bits of the reference engine, twice as fast as the wasm engine. The arithmetic is in the
 * C files of this folder.
 *
 * addon: from loadAddon(). width: one of its widths; by default the widest. Only tests use another.
 */
export function createNativeEngine(
  addon: NativeAddon,
  options: EngineOptions,
  width = addon.widths[0].width,
): KernelEngine {
  return new KernelEngine(({ buffer }) => {
    return {
      train: (from, steps) => addon.train(width, buffer, from, steps),
      measure: (starts, targets, rows, B, training) =>
        addon.measure(width, buffer, starts, targets, rows, B, training ? 1 : 0),
      packRows: (starts, from, values, rows) => addon.packRows(width, buffer, starts, from, values, rows),
      settleRows: () => addon.settleRows(width, buffer),
      isFinite: () => addon.allFinite(width, buffer),
      denormalsAreAlive: (smallest) => addon.denormalsAreAlive(width, buffer, smallest),
    };
  }, options);
}
