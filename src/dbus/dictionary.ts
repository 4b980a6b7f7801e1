/**
 * Dictionaries kept as bytes. An entry of an a{sv} begins at a multiple of eight wherever it
 * stands (D-Bus specification, "Marshaling (Wire Format)"), so its bytes can be kept and copied
 * into any message: a property is marshalled when it changes, not when it is asked for.
 */

/** The entries of an a{sv}, marshalled little endian; accepted wherever an a{sv} goes out. */
export class EncodedDictionary {
  /** What follows the array's length: entries in order, each but the last padded to eight. */
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Joins entries, each marshalled by itself from an aligned start. */
  static join(entries: readonly Uint8Array[]): EncodedDictionary {
    let end = 0;
    for (const entry of entries) end = align8(end) + entry.length;
    const bytes = new Uint8Array(end);
    let at = 0;
    for (const entry of entries) {
      at = align8(at);
      bytes.set(entry, at);
      at += entry.length;
    }
    return new EncodedDictionary(bytes);
  }
}

function align8(at: number): number {
  return (at + 7) & ~7;
}
