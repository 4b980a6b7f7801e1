/**
 * Who may import whom. The table is the architecture: a new edge between layers is a change here,
 * to be argued in its commit. Read from import statements, types included.
 */

import { posix } from 'node:path';
import { test } from 'uvu';
import { assertNone, productSources, sources, withoutComments, type Source } from './sources.ts';

const LIBRARIES = ['dbus', 'netlink', 'dns', 'dhcp', 'dhcpv6', 'ndp', 'ntp', 'web', 'firewall', 'provision'] as const;

/** Layer → the layers it may import, besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  system: ['shared'],
  dbus: ['shared', 'system'],
  netlink: ['shared', 'system'],
  dns: ['shared', 'system'],
  dhcp: ['shared', 'system'],
  // What drives a pure machine, and the forms of names and URLs, are those of DHCPv4.
  dhcpv6: ['shared', 'system', 'dhcp'],
  ndp: ['shared', 'system', 'dhcp'],
  ntp: ['shared', 'system'],
  web: ['shared', 'system', 'dns'],
  firewall: ['shared', 'system', 'netlink'],
  provision: ['shared'],
  daemon: ['shared', 'system', 'dbus'],
  'dns-backend': ['shared', 'system', 'dns', 'dbus'],
  core: ['shared', 'system', ...LIBRARIES, 'daemon', 'dns-backend'],
  api: ['shared', 'core', 'daemon'],
  'plugins/lib': ['shared', ...LIBRARIES, 'api'],
  plugins: ['shared', ...LIBRARIES, 'api', 'plugins/lib'],
  client: ['shared', 'dbus', 'provision', 'generated'],
  confined: ['shared', 'system'],
  main: ['shared', 'system', ...LIBRARIES, 'daemon', 'core', 'dns-backend', 'generated'],
  vpn: ['shared', 'system', 'dbus', 'netlink', 'dns', 'provision', 'daemon'],
  'vpn/main': ['shared', 'system', 'dbus', 'netlink', 'provision', 'daemon', 'vpn', 'generated'],
  'vpn/api': ['shared', 'daemon', 'vpn'],
  'vpn/plugins/lib': ['shared', 'dbus', 'netlink', 'provision', 'vpn/api'],
  'vpn/plugins': ['shared', 'dbus', 'netlink', 'provision', 'vpn/api', 'vpn/plugins/lib'],
};

/** Prefix of a path → its layer; the first that fits. What else lies in src is the core. */
const LAYERS: readonly (readonly [prefix: string, layer: string])[] = [
  ['src/builtin.ts', 'generated'],
  ['src/directories.ts', 'generated'],
  ['vpn/builtin.ts', 'generated'],
  ['src/version.ts', 'shared'],
  ['src/main.ts', 'main'],
  ['src/api.ts', 'api'],
  ['vpn/main.ts', 'vpn/main'],
  ['vpn/api.ts', 'vpn/api'],
  ['vpn/plugins/lib/', 'vpn/plugins/lib'],
  ['vpn/plugins/', 'vpn/plugins'],
  ['vpn/', 'vpn'],
  ['plugins/lib/', 'plugins/lib'],
  ['plugins/', 'plugins'],
  ...['shared', 'system', 'daemon', 'client', 'confined', 'dns-backend'].map((name) => [`src/${name}/`, name] as const),
  ...LIBRARIES.map((name) => [`src/${name}/`, name] as const),
  ['src/', 'core'],
  ['tools/', 'tools'],
  ['test/', 'test'],
];

/** In the core, D-Bus lives at the edge: `<concept>/dbus.ts` and what belongs to it. */
const CORE_MAY_SEE_DBUS = /^src\/([a-z-]+\/dbus|service\/(dictionaries|set-property)|core)\.ts$/;

test('imports follow the table of layers', () => {
  assertNone(
    productSources.flatMap((file) => {
      const from = layerOf(file.path);
      const allowed = MAY_IMPORT[from] ?? [];
      return projectImports(file).flatMap((target) => {
        const to = layerOf(target);
        return to === from || allowed.includes(to) ? [] : [`${file.path} (${from}) imports ${target} (${to})`];
      });
    }),
  );
});

test('plugins do not import each other', () => {
  assertNone(
    productSources.flatMap((file) => {
      const plugin = pluginOf(file.path);
      if (plugin === undefined) return [];
      return projectImports(file).flatMap((target) => {
        const other = pluginOf(target);
        return other === undefined || other === plugin ? [] : [`${file.path} imports ${target}`];
      });
    }),
  );
});

test('in the core only the edge sees D-Bus', () => {
  const core = productSources.filter(({ path }) => layerOf(path) === 'core' && !CORE_MAY_SEE_DBUS.test(path));
  assertNone(
    core.flatMap((file) =>
      projectImports(file).flatMap((target) => (layerOf(target) === 'dbus' ? [`${file.path} imports ${target}`] : [])),
    ),
  );
});

test('the product imports nothing but itself and Node', () => {
  assertNone(
    productSources.flatMap((file) =>
      specifiers(file)
        .filter((specifier) => !/^(\.{1,2}\/.*\.ts|node:[a-z/_]+)$/.test(specifier))
        // The one package, where it can do no harm: README, "Dependencies".
        .filter((specifier) => specifier !== 'undici' || file.path !== 'src/confined/wispr/http-client.ts')
        .map((specifier) => `${file.path} imports ${specifier}`),
    ),
  );
});

test('every import leads to a file', () => {
  const paths = new Set(sources.map(({ path }) => path));
  assertNone(
    productSources.flatMap((file) =>
      projectImports(file)
        .filter((target) => layerOf(target) !== 'generated' && !paths.has(target))
        .map((target) => `${file.path} imports ${target}, which does not exist`),
    ),
  );
});

/** Platform modules → the files that may use them. */
const PLATFORM: readonly (readonly [modules: RegExp, users: RegExp])[] = [
  [/^node:(fs|fs\/promises|child_process)$/, /^(src\/(daemon|client)\/|src\/confined\/serve\.ts|vpn\/main\.ts)/],
  [/^node:(net|dgram|http|https|http2|tls)$/, /^src\/(system\/|web\/|dbus\/transport\.ts|confined\/wispr\/)/],
  // Scripts of the network run in a process that can do nothing else.
  [/^node:vm$/, /^src\/confined\/pac\/main\.ts$/],
  [/^node:(dns|dns\/promises|cluster|worker_threads|timers|timers\/promises|inspector)$/, /^$/],
];

test('files, processes and sockets are used only where they may be', () => {
  assertNone(
    productSources.flatMap((file) =>
      specifiers(withoutTypeImports(file))
        .filter((specifier) => PLATFORM.some(([modules, users]) => modules.test(specifier) && !users.test(file.path)))
        .map((specifier) => `${file.path} imports ${specifier}`),
    ),
  );
});

function layerOf(path: string): string {
  return LAYERS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'outside';
}

/** `plugins/wifi` for both plugins/wifi.ts and plugins/wifi/scan.ts. */
function pluginOf(path: string): string | undefined {
  return /^((?:vpn\/)?plugins\/(?!lib\/)[a-z0-9-]+)/.exec(path)?.[1];
}

function projectImports(file: Source): string[] {
  return specifiers(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(file.path), specifier));
}

/** A type alone uses nothing. */
function withoutTypeImports(file: Source): Source {
  return { ...file, text: file.text.replace(/^import type [^;]*;/gm, '') };
}

function specifiers(file: Source): string[] {
  const { text } = withoutComments(file);
  const statements = [
    /^\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'/gm,
    /^\s*import\s*'([^']+)'/gm,
    /\bimport\(\s*'([^']+)'/g,
  ];
  return statements.flatMap((statement) => [...text.matchAll(statement)].map(([, specifier]) => specifier ?? ''));
}

test.run();
