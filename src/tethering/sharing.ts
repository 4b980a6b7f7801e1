/**
 * Tethering of one technology: what users have set for it, and whether it is on. The values are
 * ConnMan's, and so are the rules they must obey and their keys in the settings file.
 */

import type { GlobalSettings, SettingValue } from '../global-settings.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import { escapeText, unescapeText } from '../shared/stored-text.ts';

/** What of it can change. */
export type SharingAspect =
  | 'tethering' | 'tetheringIdentifier' | 'tetheringPassphrase' | 'tetheringFrequency' | 'tetheringDefault';

/** ConnMan writes this where none was chosen. */
const DEFAULT_FREQUENCY_MHZ = 2412;

/** The tethering of a technology. */
export class Sharing {
  readonly #emit: (aspect: SharingAspect) => void;
  #identifier: string | undefined;
  #passphrase: string | undefined;
  #frequencyMhz = 0;
  #isWanted = false;
  #life: Scope | undefined;
  #failure: string | undefined;

  constructor(emit: (aspect: SharingAspect) => void) {
    this.#emit = emit;
  }

  /** Whether clients are taken in. */
  get isOn(): boolean {
    return this.#life !== undefined;
  }

  /** Whether a user has turned it on, and not off since. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  get identifier(): string | undefined {
    return this.#identifier;
  }

  get passphrase(): string | undefined {
    return this.#passphrase;
  }

  /** MHz; 0 until the first save writes ConnMan's default. */
  get frequencyMhz(): number {
    return this.#frequencyMhz;
  }

  /** Why it is off though it was wanted. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Throws InvalidArguments unless it has 1 to 32 bytes. */
  setIdentifier(identifier: string): void {
    const bytes = Buffer.byteLength(identifier);
    if (bytes < 1 || bytes > 32) throw new ConnmanError('InvalidArguments');
    this.#identifier = identifier;
    this.#emit('tetheringIdentifier');
  }

  /** Throws PassphraseRequired unless it is one of WPA's: 8 to 63 characters or 64 hex digits. */
  setPassphrase(passphrase: string): void {
    if (!isPassphrase(passphrase)) throw new ConnmanError('PassphraseRequired');
    this.#passphrase = passphrase;
    this.#emit('tetheringPassphrase');
  }

  /** What is negative is let be, as in ConnMan. Whether it is free shows when an access point is wanted. */
  setFrequency(mhz: number): void {
    if (mhz < 0) return;
    this.#frequencyMhz = mhz;
    this.#emit('tetheringFrequency');
  }

  /** For `Tethering`: it is on until `life` closes. */
  enter(life: Scope): void {
    this.#life = life;
    this.#failure = undefined;
    life.defer(() => {
      if (this.#life !== life) return;
      this.#life = undefined;
      this.#emit('tethering');
    });
    this.#emit('tethering');
  }

  /** For `Tethering`: why it is off. */
  noteFailure(reason: string): void {
    this.#failure = reason;
  }

  /** For `Tethering`: what the user wants. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (!isWanted) this.#failure = undefined;
  }

  /** Turns it off; returns when it is. */
  async leave(): Promise<void> {
    await this.#life?.close();
  }

  /** Takes over what is stored in a group. */
  load(settings: GlobalSettings, group: string): void {
    const passphrase = settings.getString(group, 'Tethering.Passphrase');
    this.#identifier = settings.getString(group, 'Tethering.Identifier');
    this.#passphrase = passphrase === undefined ? undefined : unescapeText(passphrase);
    this.#frequencyMhz = Math.max(0, settings.getInteger(group, 'Tethering.Freq') ?? 0);
    this.#isWanted = settings.getBoolean(group, 'Tethering') ?? false;
  }

  /** What is to be stored of it. From now on there is a frequency, as in ConnMan; nobody is told. */
  stored(): Record<string, SettingValue> {
    if (this.#frequencyMhz === 0) {
      this.#frequencyMhz = DEFAULT_FREQUENCY_MHZ;
      this.#emit('tetheringDefault');
    }
    return {
      Tethering: this.#isWanted,
      ...(this.#identifier !== undefined && { 'Tethering.Identifier': this.#identifier }),
      ...(this.#passphrase !== undefined && { 'Tethering.Passphrase': escapeText(this.#passphrase) }),
      'Tethering.Freq': this.#frequencyMhz,
    };
  }
}

// IEEE 802.11-2020, J.4: a passphrase is printable ASCII; ConnMan looks at the length alone.
function isPassphrase(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes === 64 ? /^[0-9A-Fa-f]{64}$/.test(text) : bytes >= 8 && bytes <= 63;
}
