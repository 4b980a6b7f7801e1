/**
 * In which country radios are (ISO 3166 alpha-2), which decides where and how strongly they may send:
 * as the user says, else where the time zone is, if main.conf wants that (RegdomFollowsTimezone). Told
 * to every radio when it is powered and when it changes; without one the kernel decides.
 */

import type { Device } from './device.ts';
import type { OwnSettings } from './service/own-settings.ts';
import { Emitter, type Observable } from './shared/emitter.ts';
import { ConnmanError, messageOf } from './shared/errors.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';
import type { Technologies } from './technology/technologies.ts';

const log = logger('src/country.ts');

/** Where it is kept: with what users chose of the technology. */
const [GROUP, KEY] = ['wifi', 'Country'];
/** The rules that hold everywhere. */
const WORLD = '00';

/** What it takes from the core. */
export interface CountryEnv {
  readonly technologies: Technologies;
  readonly ownSettings: OwnSettings;
  /** Of the time zone, where radios shall follow it. */
  ofTimezone(): string | undefined;
}

/** The country of this machine's radios. */
export class Country {
  readonly #env: CountryEnv;
  readonly #changed = new Emitter<void>();
  #current: string | undefined;

  constructor(env: CountryEnv, scope: Scope) {
    this.#env = env;
    env.ownSettings.reloaded.observe(scope, () => void this.update());
    env.technologies.deviceAdded.observe(scope, (device) => {
      device.poweredChanged.observe(device.scope, (isPowered) => {
        if (!isPowered) return;
        this.#current ??= this.#wanted();
        if (this.#current !== undefined) void this.#tell(device, this.#current);
      });
    });
  }

  /** Undefined where nobody says. */
  get value(): string | undefined {
    return this.#current ?? this.#wanted();
  }

  /** Emits when it is another. */
  get changed(): Observable<void> {
    return this.#changed;
  }

  /** Says where it is; an empty text leaves it to the time zone or the kernel. Throws InvalidArguments. */
  async set(country: string): Promise<void> {
    if (country !== '' && !/^[A-Z]{2}$/.test(country)) throw new ConnmanError('InvalidArguments');
    this.#env.ownSettings.set(GROUP, KEY, country === '' ? undefined : country);
    await this.update();
  }

  /** The time zone, or what is stored, may be another. */
  async update(): Promise<void> {
    const before = this.#current;
    this.#current = this.#wanted();
    if (before === this.#current) return;
    this.#changed.emit();
    const { technologies } = this.#env;
    const devices = technologies.all.flatMap(({ powered }) => powered.map(({ device }) => device));
    await Promise.all(devices.map((device) => this.#tell(device, this.#current ?? WORLD)));
  }

  #wanted(): string | undefined {
    return this.#env.ownSettings.get(GROUP, KEY) ?? this.#env.ofTimezone();
  }

  async #tell(device: Device, country: string): Promise<void> {
    const { technologies } = this.#env;
    const members = device.type === 'vpn' ? [] : technologies.get(device.type)?.powered ?? [];
    const control = members.find((member) => member.device === device)?.control;
    if (control?.setCountry === undefined) return;
    try {
      await control.setCountry(country);
      log.debug('%s is in %s', device.interfaceName, country);
    } catch (error) {
      const text = messageOf(error);
      log.warn('%s does not take country %s: %s', device.interfaceName, country, text);
    }
  }
}
