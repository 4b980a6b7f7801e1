/**
 * What users chose of services and technologies that ConnMan has no word for: never to be the default,
 * not to be asked whether they are online, what name DHCP tells the server and whether its answer names
 * the host, which access point of a Wi-Fi network is liked and by what address it knows us. What was not
 * chosen for a service follows its technology, and that main.conf.
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
  /** Of a service. */
  readonly network?: { readonly choices: readonly WifiChoice[] };
}

/** What can be chosen of a Wi-Fi network. */
export type WifiChoice = 'Band' | 'BSSID' | 'MACAddressPolicy';

/** What can be chosen of a service. */
export type Choice = 'NeverDefault' | 'CheckOnline' | 'SendHostname' | 'TakeHostname' | WifiChoice;

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

  /** Whether names of its lease become the host's; undefined is as main.conf says. */
  isNaming({ identifier }: Owner): boolean | undefined {
    const chosen = this.#settings.get(identifier, 'TakeHostname');
    return chosen === undefined ? undefined : chosen === 'yes';
  }

  /** What was chosen of a Wi-Fi network; undefined where nothing was. */
  wifiChoice({ identifier }: Owner, choice: WifiChoice): string | undefined {
    return this.#settings.get(identifier, choice);
  }

  /** As it is in force, in the words of `set`; undefined where the service has no such choice. */
  valueOf(owner: Owner, choice: Choice): string | undefined {
    switch (choice) {
      case 'NeverDefault': return word(this.isNeverDefault(owner));
      case 'CheckOnline': return word(this.isChecked(owner));
      case 'SendHostname':
      case 'TakeHostname': return this.#settings.get(owner.identifier, choice) ?? NO_CHOICE;
      case 'Band':
      case 'BSSID':
      case 'MACAddressPolicy':
        return owner.network?.choices.includes(choice) === true
          ? (this.wifiChoice(owner, choice) ?? NO_CHOICE) : undefined;
    }
  }

  /** Chooses for a service; `auto` for no choice. Throws InvalidArguments, NotSupported. */
  set(owner: Owner, choice: Choice, value: string): void {
    if (this.valueOf(owner, choice) === undefined) throw new ConnmanError('NotSupported');
    const isNone = value === NO_CHOICE || (value === 'any' && isOfAccessPoint(choice));
    const chosen = isNone ? undefined : WORDS[choice](value);
    if (chosen === undefined && !isNone) throw new ConnmanError('InvalidArguments');
    this.#settings.set(owner.identifier, choice, chosen);
    this.changed.emit(owner.identifier);
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

const NO_CHOICE = 'auto';

/** What each takes, as it is kept; undefined where it is none of its words. */
const WORDS: Readonly<Record<Choice, (text: string) => string | undefined>> = {
  NeverDefault: oneOf('yes', 'no'),
  CheckOnline: oneOf('yes', 'no'),
  TakeHostname: oneOf('yes', 'no'),
  SendHostname: (text) => (isHostname(text) ? text : undefined),
  Band: oneOf('2.4', '5', '6'),
  BSSID: (text) => (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? text.toLowerCase() : undefined),
  MACAddressPolicy: oneOf('permanent', 'random'),
};

function isOfAccessPoint(choice: Choice): boolean {
  return choice === 'Band' || choice === 'BSSID';
}

function oneOf(...words: readonly string[]) {
  return (text: string): string | undefined => words.find((each) => each === text);
}

function word(is: boolean): string {
  return is ? 'yes' : 'no';
}
