/**
 * The part of WebAssembly that the engines use. TypeScript has these types only in its DOM library, which would add all
 * browser globals.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Memory {
    /** In pages of 64 KiB. */
    constructor(size: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: unknown;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
