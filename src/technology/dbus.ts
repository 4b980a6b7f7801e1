/**
 * net.connman.Technology: technologies on the bus.
 */

import type { Bus, Exported } from '../dbus/bus.ts';
import { causewayTechnologyInterface } from '../dbus/interfaces/causeway-technology.ts';
import { technologyInterface } from '../dbus/interfaces/technology.ts';
import { variant, type Variant } from '../dbus/signature.ts';
import { explanationDictionary } from '../explain/dbus.ts';
import type { Services } from '../service/services.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { ScanOutcome } from './scan-outcome.ts';
import type { Technologies } from './technologies.ts';
import type { Technology, TechnologyAspect } from './technology.ts';

/** Where a technology is on the bus. */
export function technologyPath(technology: Technology): string {
  return `/net/connman/technology/${technology.type}`;
}

/** Serves a technology until `scope` closes. */
export function exportTechnology(
  bus: Bus,
  technology: Technology,
  technologies: Technologies,
  scope: Scope,
): Exported<typeof technologyInterface> {
  const exported: Exported<typeof technologyInterface> = bus.export(
    technologyPath(technology),
    technologyInterface,
    {
      methods: {
        GetProperties: () => exported.dictionary(),
        SetProperty: ({ name, value }) => setProperty(technology, technologies, name, value),
        Scan: (_, call) => technology.scan(call.signal),
      },
      properties: {
        Name: () => technology.name,
        Type: () => technology.type,
        Powered: () => technology.isPowered,
        Connected: () => technology.isConnected,
        Tethering: () => false,
        TetheringIdentifier: () => undefined,
        TetheringPassphrase: () => undefined,
        TetheringFreq: () => technology.tetheringFrequencyMhz,
      },
    },
    scope,
  );
  technology.changed.observe(scope, (aspect) => {
    if (aspect === 'tetheringFrequency') exported.touch(PROPERTIES[aspect]);
    else exported.changed(PROPERTIES[aspect]);
  });
  return exported;
}

/** Serves what ConnMan has no place for. */
export function exportTechnologyExtension(bus: Bus, technology: Technology, services: Services, scope: Scope): void {
  const { type } = technology;
  const { choices } = services;
  const exported = bus.export(technologyPath(technology), causewayTechnologyInterface, {
    methods: {
      Explain: async () => (await services.explain({ technology: type })).map(explanationDictionary),
    },
    properties: {
      NeverDefault: () => choices.isTechnologyNeverDefault(type),
      LastScan: () => scanDictionary(technology.lastScan),
    },
    setters: { NeverDefault: (value) => choices.setTechnologyNeverDefault(type, value) },
  }, scope);
  choices.changed.observe(scope, () => exported.changed('NeverDefault'));
  technology.scanned.observe(scope, () => exported.changed('LastScan'));
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
  tetheringFrequency: 'TetheringFreq',
} as const satisfies Record<TechnologyAspect, string>;

async function setProperty(
  technology: Technology,
  technologies: Technologies,
  name: string,
  value: Variant,
): Promise<void> {
  switch (name) {
    case 'Powered': {
      const isPowered = value.as('b');
      if (isPowered === undefined) throw new ConnmanError('InvalidArguments');
      return technologies.setPowered(technology, isPowered);
    }
    // No technology that exists here can be tethered.
    case 'Tethering':
      if (value.as('b') === undefined) throw new ConnmanError('InvalidArguments');
      throw new ConnmanError('NotSupported');
    case 'TetheringFreq':
      if (value.as('i') === undefined) throw new ConnmanError('InvalidArguments');
      throw new ConnmanError('NotSupported');
    case 'TetheringIdentifier':
    case 'TetheringPassphrase':
      throw new ConnmanError('NotSupported');
    default:
      throw new ConnmanError('InvalidProperty');
  }
}
