/**
 * The programs and how each becomes one file: esbuild follows the imports from its entry, starting
 * in the modules that configure wrote, or in those of another configuration. Names of functions
 * stay, so that a stack trace can be read; nothing depends on time, place or order of files.
 * The file is one function expression, which tools/loader.ts' loader compiles and calls.
 */

import { build, type Metafile, type Plugin } from 'esbuild';
import { dirname, relative } from 'node:path';
import { defaultConfiguration, type Configuration } from './configure/flags.ts';
import { generatedModules } from './configure/modules.ts';
import { FEATURES } from './configure/tables.ts';

/** One program of ours. */
export interface Program {
  readonly name: string;
  readonly entry: string;
  /** Where its launcher is installed, `scripts` is `<libdir>/connman/scripts`; absent for what only a daemon starts. */
  readonly directory?: 'bindir' | 'sbindir' | 'scripts';
  /** Built only where connmand has this plugin. */
  readonly plugin?: string;
  /** Packages it may contain; no other program contains any. */
  readonly packages?: readonly string[];
}

/** Every program. */
export const PROGRAMS: readonly Program[] = [
  { name: 'connmand', entry: 'src/main.ts', directory: 'sbindir' },
  { name: 'connmanctl', entry: 'src/client/main.ts', directory: 'bindir' },
  { name: 'connmand-wait-online', entry: 'src/client/wait-online.ts', directory: 'sbindir' },
  { name: 'connman-vpnd', entry: 'vpn/main.ts', directory: 'sbindir' },
  { name: 'vpn-script', entry: 'vpn/script.ts', directory: 'scripts' },
  { name: 'confined-pac', entry: 'src/confined/pac/main.ts' },
  {
    name: 'confined-wispr',
    entry: 'src/confined/wispr/main.ts',
    plugin: 'plugins/wispr.ts',
    packages: ['undici'],
  },
];

/** Whether `program` belongs to what was built before it, by the records of which inputs each had. */
export function isWanted({ plugin }: Program, built: Readonly<Record<string, Pick<Metafile, 'inputs'>>>): boolean {
  return plugin === undefined || Object.hasOwn(built['connmand']?.inputs ?? {}, plugin);
}

/** The text of a program and what went into it. */
export interface Bundle {
  readonly text: Uint8Array;
  readonly metafile: Metafile;
}

/** Bundles in memory. Without `configuration`, as configured in this tree. Throws esbuild's BuildFailure. */
export async function bundleProgram(program: Program, configuration?: Configuration): Promise<Bundle> {
  const { packages = [] } = program;
  const result = await build({
    entryPoints: [program.entry],
    outfile: `build/lib/causeway/${program.name}.js`,
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    charset: 'ascii',
    // The loader of ES modules stays out of the process: it costs 10 ms of CPU at every start.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
    banner: { js: '(function (require, moduleUrl) {' },
    footer: { js: '})' },
    legalComments: 'none',
    logLevel: 'silent',
    plugins: configuration === undefined ? [] : [substitute(generatedModules(configuration))],
  });
  const isForeign = (input: string): boolean =>
    input.includes('node_modules/') && !packages.some((each) => input.startsWith(`node_modules/${each}/`));
  const foreign = Object.keys(result.metafile.inputs).find(isForeign);
  if (foreign !== undefined) throw new Error(`${program.name} would contain ${foreign}`);
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error(`${program.name}: esbuild wrote nothing`);
  return { text: file.contents, metafile: result.metafile };
}

/** Every feature on, all else at its default: what the tests build. */
export function fullConfiguration(): Configuration {
  return { ...defaultConfiguration(), features: Object.keys(FEATURES) };
}

/** Reads the generated modules from memory instead of from the tree. */
function substitute(modules: ReadonlyMap<string, string>): Plugin {
  const top = process.cwd();
  return {
    name: 'generated-modules',
    setup(builder) {
      builder.onResolve({ filter: /\/(builtin|directories)\.ts$/ }, ({ path, resolveDir }) => {
        const file = relative(top, `${resolveDir}/${path}`);
        return modules.has(file) ? { path: `${top}/${file}` } : undefined;
      });
      builder.onLoad({ filter: /\/(builtin|directories)\.ts$/ }, ({ path }) => {
        const contents = modules.get(relative(top, path));
        return contents === undefined ? undefined : { contents, loader: 'ts', resolveDir: dirname(path) };
      });
    },
  };
}
