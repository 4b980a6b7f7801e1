/**
 * net.connman.Technology: technologies on the bus.
 */

import type { Country } from '../country.ts';
import type { Bus, Exported } from '../dbus/bus.ts';
import { causewayTechnologyInterface } from '../dbus/interfaces/causeway-technology.ts';
import { technologyInterface } from '../dbus/interfaces/technology.ts';
import { variant, type Variant } from '../dbus/signature.ts';
import { explanationDictionary } from '../explain/dbus.ts';
import type { Services } from '../service/services.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { ScanOutcome } from './scan-outcome.ts';
import type { Tethering } from '../tethering/tethering.ts';
import type { Technologies } from './technologies.ts';
import type { Technology, TechnologyAspect } from './technology.ts';

/** What a technology's properties are set by. */
export interface TechnologyParts {
  readonly technologies: Technologies;
  readonly tethering: Tethering;
}

/** Where a technology is on the bus. */
export function technologyPath(technology: Technology): string {
  return `/net/connman/technology/${technology.type}`;
}

/** Serves a technology until `scope` closes. */
export function exportTechnology(
  bus: Bus,
  technology: Technology,
  { technologies, tethering }: TechnologyParts,
  scope: Scope,
): Exported<typeof technologyInterface> {
  const { sharing } = technology;
  const exported: Exported<typeof technologyInterface> = bus.export(
    technologyPath(technology),
    technologyInterface,
    {
      methods: {
        GetProperties: () => exported.dictionary(),
        SetProperty: ({ name, value }) => setProperty(technology, { technologies, tethering }, name, value),
        Scan: (_, call) => technology.scan(call.signal),
      },
      properties: {
        Name: () => technology.name,
        Type: () => technology.type,
        Powered: () => technology.isPowered,
        Connected: () => technology.isConnected,
        Tethering: () => sharing.isOn,
        TetheringIdentifier: () => sharing.identifier,
        TetheringPassphrase: () => sharing.passphrase,
        TetheringFreq: () => sharing.frequencyMhz,
      },
    },
    scope,
  );
  technology.changed.observe(scope, (aspect) => {
    if (aspect === 'tetheringDefault') exported.touch(PROPERTIES[aspect]);
    else exported.changed(PROPERTIES[aspect]);
  });
  return exported;
}

/** Serves what ConnMan has no place for. */
export function exportTechnologyExtension(
  parts: ExtensionParts, technology: Technology, scope: Scope,
): void {
  const { type } = technology;
  const { bus, services, technologies, tethering, country } = parts;
  const { choices } = services;
  const isWifi = (): boolean => technologies.hasAccessPoints(type);
  const wifiOnly = (): void => {
    if (!isWifi()) throw new ConnmanError('NotSupported');
  };
  const exported = bus.export(technologyPath(technology), causewayTechnologyInterface, {
    methods: {
      Explain: async () => (await services.explain({ technology: type })).map(explanationDictionary),
      GetTetheringFrequencies: () => tethering.frequencies(technology),
    },
    properties: {
      NeverDefault: () => choices.isTechnologyNeverDefault(type),
      LastScan: () => scanDictionary(technology.lastScan),
      TetheringSecurity: () => (isWifi() ? tethering.securityOf(type) : undefined),
      Country: () => (isWifi() ? country.value ?? '' : undefined),
    },
    setters: {
      NeverDefault: (value) => choices.setTechnologyNeverDefault(type, value),
      TetheringSecurity: (value) => {
        wifiOnly();
        tethering.setSecurity(type, value);
        exported.changed('TetheringSecurity');
      },
      Country: (value) => {
        wifiOnly();
        return country.set(value);
      },
    },
  }, scope);
  choices.changed.observe(scope, () => exported.changed('NeverDefault'));
  country.changed.observe(scope, () => exported.changed('Country'));
  technology.scanned.observe(scope, () => exported.changed('LastScan'));
}

/** What the extension shows besides. */
export interface ExtensionParts extends TechnologyParts {
  readonly bus: Bus;
  readonly services: Services;
  readonly country: Country;
}

function scanDictionary(outcome: ScanOutcome | undefined): ReadonlyMap<string, Variant> {
  if (outcome === undefined) return new Map();
  const { at, trouble, detail } = outcome;
  return new Map([
    ['Outcome', variant('s', trouble === undefined ? 'done' : 'failed')],
    ...(trouble === undefined ? [] : [['Reason', variant('s', trouble)] as const]),
    ...(detail === undefined ? [] : [['Detail', variant('s', detail)] as const]),
    ['Timestamp', variant('x', BigInt(at.getTime()) * 1000n)],
  ]);
}

const PROPERTIES = {
  powered: 'Powered',
  connected: 'Connected',
  tethering: 'Tethering',
  tetheringIdentifier: 'TetheringIdentifier',
  tetheringPassphrase: 'TetheringPassphrase',
  tetheringFrequency: 'TetheringFreq',
  tetheringDefault: 'TetheringFreq',
} as const satisfies Record<TechnologyAspect, string>;

// oxlint-disable-next-line max-params -- of what, with what, and what to
async function setProperty(
  technology: Technology, parts: TechnologyParts, name: string, value: Variant,
): Promise<void> {
  switch (name) {
    case 'Powered':
      return parts.technologies.setPowered(technology, required(value.as('b')));
    case 'Tethering':
      return parts.tethering.set(technology, required(value.as('b')));
    case 'TetheringFreq': {
      const mhz = required(value.as('i'));
      return setSharing(technology, parts, ({ sharing }) => sharing.setFrequency(mhz));
    }
    case 'TetheringIdentifier':
      return setSharing(technology, parts, ({ sharing }) => sharing.setIdentifier(required(value.as('s'))));
    case 'TetheringPassphrase':
      return setSharing(technology, parts, ({ sharing }) => sharing.setPassphrase(required(value.as('s'))));
    default:
      throw new ConnmanError('InvalidProperty');
  }
}

function setSharing(
  technology: Technology, { technologies }: TechnologyParts, set: (technology: Technology) => void,
): void {
  if (!technologies.hasAccessPoints(technology.type)) throw new ConnmanError('NotSupported');
  set(technology);
  technologies.remember(technology);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new ConnmanError('InvalidArguments');
  return value;
}
