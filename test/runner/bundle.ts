/**
 * Bundles test files with esbuild, all in one call, so that each runs in plain Node without a
 * loader. Packages stay outside the bundles and resolve from the project's node_modules.
 */

import { build, formatMessages, type BuildFailure } from 'esbuild';

/** What became of each test file: the path of its bundle, or esbuild's complaint. */
export type Bundles = ReadonlyMap<string, { readonly bundle: string } | { readonly complaint: string }>;

/** Writes one `.mjs` with a source map per file below `directory`. */
export async function bundleTests(files: readonly string[], directory: string): Promise<Bundles> {
  try {
    await bundle(files, directory);
    return new Map(files.map((file) => [file, { bundle: bundlePath(file, directory) }]));
  } catch {
    // One file that does not build must not hide what the others do.
    return new Map(await Promise.all(files.map(async (file) => [file, await bundleOne(file, directory)] as const)));
  }
}

async function bundleOne(file: string, directory: string): Promise<{ bundle: string } | { complaint: string }> {
  try {
    await bundle([file], directory);
    return { bundle: bundlePath(file, directory) };
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return { complaint: (await formatMessages(error.errors, { kind: 'error' })).join('') };
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error;
}

async function bundle(files: readonly string[], directory: string): Promise<void> {
  await build({
    entryPoints: [...files],
    outdir: directory,
    outbase: '.',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    packages: 'external',
    sourcemap: 'linked',
    logLevel: 'silent',
  });
}

function bundlePath(file: string, directory: string): string {
  return `${directory}/${file.replace(/\.ts$/, '.mjs')}`;
}
