/**
 * The part of WebAssembly that this room uses. TypeScript has these types in its library for browsers only, which would
 * bring all of the browser with them.
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
