/**
 * What users chose of services and technologies that ConnMan has no word for: never to be the default,
 * not to be asked whether they are online, and what name DHCP tells the server. What was not chosen for
 * a service follows its technology, and that main.conf.
 */

import { isHostname } from '../provision/own-values.ts';
import type { TechnologyType } from '../types.ts';
import { Emitter } from '../shared/emitter.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { OwnSettings } from './own-settings.ts';

/** Whose choice it is. */
interface Owner {
  readonly identifier: string;
  readonly type: string;
}

/** What can be chosen of a service: `yes`, `no`, and `auto` for no choice; of the name another word too. */
export type Choice = 'NeverDefault' | 'CheckOnline' | 'SendHostname';

/** The group of what holds for all. */
const HOST = 'host';

/** All choices. */
export class OwnChoices {
  readonly #settings: OwnSettings;
  /** Emits the service whose choices are others; undefined where it may be any. */
  readonly changed = new Emitter<string | undefined>();

  constructor(settings: OwnSettings) {
    this.#settings = settings;
  }

  /** Whether no default route may lead through it. */
  isNeverDefault({ identifier, type }: Owner): boolean {
    return (this.#settings.get(identifier, 'NeverDefault') ?? this.#settings.get(type, 'NeverDefault')) === 'yes';
  }

  /** Whether it is asked whether it is online, as far as main.conf has that asked. */
  isChecked({ identifier }: Owner): boolean {
    return (this.#settings.get(identifier, 'CheckOnline') ?? this.#settings.get(HOST, 'CheckOnline')) !== 'no';
  }

  /** What DHCP tells the server, given the host's name; undefined for nothing. */
  hostnameFor({ identifier }: Owner, hostname: string | undefined): string | undefined {
    const chosen = this.#settings.get(identifier, 'SendHostname');
    return chosen === 'none' ? undefined : (chosen ?? hostname);
  }

  /** As it is in force, in the words of `set`. */
  valueOf(owner: Owner, choice: Choice): string {
    switch (choice) {
      case 'NeverDefault': return word(this.isNeverDefault(owner));
      case 'CheckOnline': return word(this.isChecked(owner));
      case 'SendHostname': return this.#settings.get(owner.identifier, choice) ?? 'auto';
    }
  }

  /** Chooses for a service. Throws InvalidArguments. */
  set({ identifier }: Owner, choice: Choice, value: string): void {
    const isWord = choice === 'SendHostname' ? isHostname(value) : value === 'yes' || value === 'no';
    if (!isWord && value !== 'auto') throw new ConnmanError('InvalidArguments');
    this.#settings.set(identifier, choice, value === 'auto' ? undefined : value);
    this.changed.emit(identifier);
  }

  /** Whether a technology's services may not be the default unless they say otherwise. */
  isTechnologyNeverDefault(type: TechnologyType): boolean {
    return this.#settings.get(type, 'NeverDefault') === 'yes';
  }

  setTechnologyNeverDefault(type: TechnologyType, isNever: boolean): void {
    this.#settings.set(type, 'NeverDefault', isNever ? 'yes' : undefined);
    this.changed.emit(undefined);
  }

  /** Whether services are asked whether they are online unless they say otherwise. */
  get isHostChecked(): boolean {
    return this.#settings.get(HOST, 'CheckOnline') !== 'no';
  }

  setHostChecked(isChecked: boolean): void {
    this.#settings.set(HOST, 'CheckOnline', isChecked ? undefined : 'no');
    this.changed.emit(undefined);
  }
}

function word(is: boolean): string {
  return is ? 'yes' : 'no';
}
