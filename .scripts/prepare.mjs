// Makes a checkout ready to run: installs the packages and builds dist/, each only when something changed.
//
//   node .scripts/prepare.mjs            install and build if needed; silent when there is nothing to do
//   node .scripts/prepare.mjs --build    build even when nothing changed
//
// It uses nothing but Node's own modules, since it runs before anything is installed, and writes to stderr
// only, so that the output of the command that follows stays clean.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The oldest major version of Node.js that the project runs on. */
const MIN_NODE = 20;
/** Folders that the build compiles; the same list as `include` in tsconfig.json. */
const SOURCE_DIRS = ['src', 'protocol', 'loaders', 'bench'];
const DEPENDENCY_FIELDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const INSTALL_STAMP = 'node_modules/.segmentd-install';
const BUILD_STAMP = 'dist/.segmentd-build';

/**
 * Whether the installed packages are those of the lock file.
 *
 * @param {any} manifest package.json, parsed
 * @param {any} lock package-lock.json, parsed
 * @param {any} installed node_modules/.package-lock.json, parsed: what npm last installed
 * @returns {boolean} false when a package is missing or of another version, or when the lock file does not
 *   belong to the manifest
 */
export function isInstalled(manifest, lock, installed) {
  for (const field of DEPENDENCY_FIELDS) {
    if (canonical(manifest[field]) !== canonical(lock.packages['']?.[field])) return false;
  }
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (path === '') continue;
    const found = installed.packages[path];
    if (found === undefined) {
      // An optional package is left out where it does not fit the platform.
      if (wanted.optional || wanted.devOptional || wanted.peer) continue;
      return false;
    }
    if (found.version !== wanted.version || found.integrity !== wanted.integrity) return false;
  }
  return true;
}

/**
 * The files that the compiler makes of the sources.
 *
 * @param {string[]} sources paths of .ts files, relative to the root, with forward slashes
 * @returns {Set<string>} paths below dist/, relative to dist/
 */
export function expectedOutputs(sources) {
  const outputs = new Set();
  for (const source of sources) {
    if (source.endsWith('.d.ts')) continue;
    const stem = source.slice(0, -'.ts'.length);
    for (const extension of ['.js', '.js.map', '.d.ts']) outputs.add(stem + extension);
  }
  return outputs;
}

/**
 * One hash over names and contents, independent of the order of the entries.
 *
 * @param {[name: string, content: string | Uint8Array][]} entries
 * @returns {string} hexadecimal SHA-256
 */
export function fingerprint(entries) {
  const hash = createHash('sha256');
  for (const [name, content] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** @param {Record<string, string> | undefined} dependencies */
function canonical(dependencies) {
  return JSON.stringify(Object.entries(dependencies ?? {}).sort());
}

/**
 * Every file below a folder of the root, as paths relative to `base`, with forward slashes.
 *
 * @param {string} directory
 * @param {string} base
 * @returns {string[]}
 */
function filesBelow(directory, base) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(base, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    );
}

/** @param {string} path relative to the root */
function readText(path) {
  const full = join(ROOT, path);
  return existsSync(full) ? readFileSync(full, 'utf8') : undefined;
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`segmentd: ${line}\n`);
}

/**
 * Says what went wrong and ends the process with exit code 1.
 *
 * @param {string} line
 * @returns {never}
 */
function fail(line) {
  say(line);
  process.exit(1);
}

/**
 * Runs a program to its end, its output on stderr.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {boolean} whether it ended with exit code 0
 */
function run(command, args) {
  const result = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
  // Ctrl-C during an install or a build ends this script in the way the shell expects.
  if (result.signal) process.kill(process.pid, result.signal);
  return result.status === 0;
}

/** @param {string[]} commands */
function anyRuns(commands) {
  return commands.some((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** What roaring's build needs and this machine lacks, in words; empty when all is there. */
function missingBuildTools() {
  const { env, platform } = process;
  if (platform === 'win32') return [];
  const missing = [];
  if (!anyRuns([env['CXX'] ?? 'c++', 'g++', 'clang++'])) missing.push('a C++ compiler');
  if (!anyRuns(['make', 'gmake'])) missing.push('make');
  if (!anyRuns([env['PYTHON'] ?? 'python3', 'python'])) missing.push('Python 3');
  return missing;
}

function install() {
  const lock = readText('package-lock.json');
  if (lock === undefined) fail('package-lock.json is missing; restore it, or make it with: npm install');
  const installed = readText('node_modules/.package-lock.json');
  // A native module is built for one ABI of Node: another Node, another install.
  const platform = `${process.platform} ${process.arch} ${process.versions.modules}\n`;
  const builtFor = readText(INSTALL_STAMP);
  if (installed !== undefined && (builtFor === undefined || builtFor === platform)) {
    const manifest = JSON.parse(readText('package.json') ?? '{}');
    if (isInstalled(manifest, JSON.parse(lock), JSON.parse(installed))) {
      if (builtFor === undefined) writeFileSync(join(ROOT, INSTALL_STAMP), platform);
      return;
    }
  }
  say('installing packages (npm ci); a native module may be compiled, which takes a minute or two');
  const args = ['ci', '--prefer-offline', '--loglevel=error'];
  const npm = process.env['npm_execpath'];
  const ok = npm ? run(process.execPath, [npm, ...args]) : run('npm', args);
  if (!ok) {
    const missing = missingBuildTools();
    if (missing.length > 0) {
      fail(
        `the install failed, and this machine lacks ${missing.join(' and ')}, which the package "roaring" is built with`,
      );
    }
    fail('the install failed; the lines above say why');
  }
  writeFileSync(join(ROOT, INSTALL_STAMP), platform);
}

/** @param {boolean} force */
function build(force) {
  const sources = SOURCE_DIRS.flatMap((directory) => filesBelow(join(ROOT, directory), ROOT)).filter((path) =>
    path.endsWith('.ts'),
  );
  const inputs = ['tsconfig.json', 'package-lock.json', ...sources];
  const stamp = `${fingerprint(inputs.map((path) => [path, readText(path) ?? '']))}\n`;
  const dist = join(ROOT, 'dist');
  const expected = expectedOutputs(sources);
  const present = new Set(filesBelow(dist, dist));
  const complete = [...expected].every((path) => present.has(path));
  if (!force && complete && readText(BUILD_STAMP) === stamp) return;

  say('building (tsc)');
  for (const path of present) {
    if (!expected.has(path)) rmSync(join(dist, path), { force: true });
  }
  if (!run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'])) {
    fail('the build failed; the lines above say why');
  }
  mkdirSync(dist, { recursive: true });
  writeFileSync(join(ROOT, BUILD_STAMP), stamp);
}

/** @param {string[]} args */
function main(args) {
  if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
    fail(`Node.js ${MIN_NODE} or later is needed; this is ${process.version}`);
  }
  install();
  build(args.includes('--build'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
