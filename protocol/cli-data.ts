/** The command line's work on data folders: check, backup, restore, snapshot. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { RespClient } from '../loaders/resp-client.js';
import { connectToServer, isError, messageOf, type ServerAddress } from '../loaders/resp-target.js';
import { SegmentdError } from '../src/index.js';
import { backup, restore } from '../src/persistence/backup.js';
import type { ErasedReport, Trace } from '../src/persistence/erased.js';
import { checkFolder, type FolderReport } from '../src/persistence/folder-report.js';
import type { OnProgress } from '../src/persistence/snapshot.js';
import { fileStorage } from '../src/persistence/storage-file.js';
import { finish } from '../src/store/steps.js';
import { type CliOutput, count, percent, size } from './cli-output.js';

/** Exit codes. Wrong usage and failures are thrown, as INVALID_OPTION and others. */
const DONE = 0;
const NOT_SOUND = 1;
/** How often a server is asked whether its snapshot is done. */
const ASK_MILLISECONDS = 100;
/** How often progress is shown. */
const SHOW_MILLISECONDS = 100;
/** Ids shorter than this occur in any file. */
const TELLING_BYTES = 6;

/** `segmentd check DIR [--erased ID]`: 0 if the folder is sound and has nothing of the id, 1 if not. Throws PERSISTENCE_FAILED. */
export function runCheck(
  operands: readonly string[],
  { erased }: { readonly erased?: string | undefined },
  output: CliOutput,
): number {
  const [directory] = exactly(operands, ['DIR'], 'check');
  if (erased === '') throw new SegmentdError('INVALID_OPTION', '--erased needs an id');
  const id = erased === undefined ? undefined : Buffer.from(erased);
  const onProgress = showing(output, 'checking');
  const report = finish(checkFolder(fileStorage, directory!, { erased: id, onProgress }));
  for (const line of reportLines(report)) output.print(line);
  for (const line of report.erased === undefined ? [] : erasedLines(report.erased)) output.print(line);
  return report.sound && (report.erased?.traces.length ?? 0) === 0 ? DONE : NOT_SOUND;
}

/** `segmentd backup DIR FILE`. Throws DATA_CORRUPT, INVALID_ARGUMENT or PERSISTENCE_FAILED. */
export function runBackup(operands: readonly string[], output: CliOutput): number {
  const [directory, file] = exactly(operands, ['DIR', 'FILE'], 'backup');
  const info = finish(backup(fileStorage, directory!, file!, showing(output, 'backing up')));
  output.print(`backup of ${directory}: ${contentsOf(info)}, ${size(info.bytes)} in ${file}`);
  return DONE;
}

/** `segmentd restore FILE DIR`. Throws DATA_CORRUPT, INVALID_ARGUMENT, DATA_DIR_IN_USE or PERSISTENCE_FAILED. */
export function runRestore(operands: readonly string[], output: CliOutput): number {
  const [file, directory] = exactly(operands, ['FILE', 'DIR'], 'restore');
  const info = finish(restore(fileStorage, file!, directory!, showing(output, 'restoring')));
  output.print(`restored to ${directory}: ${contentsOf(info)} of ${file}`);
  output.print(`start it with: segmentd serve --data-dir ${directory}`);
  return DONE;
}

/** `segmentd snapshot`: has a running server write a snapshot, and waits for it. Throws LOAD_FAILED when there is no server. */
export async function runSnapshot(
  operands: readonly string[],
  server: ServerAddress,
  output: CliOutput,
): Promise<number> {
  exactly(operands, [], 'snapshot');
  const client = await connectToServer(server);
  try {
    const before = await askInfo(client);
    const began = performance.now();
    const reply = await client.call('BGSAVE');
    if (isError(reply)) throw new SegmentdError('PERSISTENCE_FAILED', messageOf(reply));
    let fields = await askInfo(client);
    while (fields.get('rdb_bgsave_in_progress') === '1') {
      output.progress(`writing a snapshot: ${percent(Number(fields.get('snapshot_progress')))}`);
      await pause(ASK_MILLISECONDS);
      fields = await askInfo(client);
    }
    const name = fields.get('snapshot_name');
    if (name === before.get('snapshot_name')) {
      const reason = fields.get('snapshot_error') ?? 'it was given up, because everything was removed';
      throw new SegmentdError('PERSISTENCE_FAILED', `the server wrote no snapshot: ${reason}`);
    }
    const seconds = (performance.now() - began) / 1000;
    output.print(
      `${name} is written: ${size(Number(fields.get('snapshot_bytes')))} in ${seconds.toFixed(1)} s`,
    );
    return DONE;
  } finally {
    client.close();
  }
}

async function askInfo(client: RespClient): Promise<ReadonlyMap<string, string>> {
  const reply = await client.call('INFO', 'persistence');
  if (isError(reply)) throw new SegmentdError('PERSISTENCE_FAILED', messageOf(reply));
  const lines = String(reply).split('\r\n');
  return new Map(lines.map((line) => [line.split(':', 1)[0]!, line.slice(line.indexOf(':') + 1)]));
}

function exactly(operands: readonly string[], names: readonly string[], command: string): readonly string[] {
  if (operands.length === names.length) return operands;
  const needed = names.length === 0 ? 'takes no arguments' : `needs ${names.join(' and ')}`;
  throw new SegmentdError('INVALID_OPTION', `${command} ${needed}; see segmentd help ${command}`);
}

function reportLines(report: FolderReport): string[] {
  const { directory, snapshots, journals, content, leftOver, foreign, problems, sound } = report;
  const lines = [`data folder ${directory}`];
  for (const { name, created, users, bytes } of snapshots) {
    const when = new Date(created).toISOString();
    lines.push(`  ${name}: ${count(users, 'user')}, ${size(bytes)}, made ${when}`);
  }
  for (const { name, bytes, records, mutations, torn } of journals) {
    lines.push(`  ${name}: ${count(mutations, 'change')} in ${count(records, 'record')}, ${size(bytes)}`);
    if (torn > 0)
      lines.push(
        `    its last ${count(torn, 'byte')} are of a change that was not written to its end: it does not count`,
      );
  }
  if (content !== undefined) {
    const { users, tags, pairs, audiences } = content;
    const parts = [
      count(users, 'user'),
      count(tags, 'tag'),
      count(pairs, 'value'),
      count(audiences, 'audience'),
    ];
    lines.push(`  together: ${parts.join(', ')}`);
  }
  if (leftOver.length > 0)
    lines.push(`  left over, gone when the folder is opened next: ${leftOver.join(', ')}`);
  if (foreign.length > 0) lines.push(`  not ours: ${foreign.join(', ')}`);
  for (const problem of problems) lines.push(`problem: ${problem}`);
  lines.push(sound ? 'sound' : `not sound: ${count(problems.length, 'problem')}`);
  return lines;
}

function erasedLines({ id, holder, traces, goWithSnapshot }: ErasedReport): string[] {
  const shown = JSON.stringify(Buffer.from(id).toString());
  if (traces.length === 0) return [`${shown} is in no file`];
  const lines = traces.map(
    (trace) => `${shown} is in ${trace.path}, at ${placesOf(trace)}: ${whatOf(trace)}`,
  );
  if (holder === 'user') lines.push(`${shown} is a user: not erased`);
  else if (holder === 'version')
    lines.push(`${shown} is no user now, but a version of a tag has it: not erased`);
  else if (goWithSnapshot) {
    lines.push(
      `${shown} is no user any more, and is in no file once the next snapshot is written: segmentd snapshot`,
    );
  } else if (holder === 'nobody') lines.push(`${shown} is no user, and is still in what is not the user's`);
  if (id.length < TELLING_BYTES) lines.push('such a short id is also in files by chance');
  return lines;
}

function placesOf({ offsets }: Trace): string {
  return `offset ${offsets.join(', ')}`;
}

function whatOf({ kind }: Trace): string {
  switch (kind) {
    case 'journal':
      return 'changes since the last snapshot';
    case 'users':
      return 'users of the last snapshot';
    case 'text':
      return "a tag's name, a value or an expression; or, if it is a number, by chance";
    case 'left over':
      return 'left over, gone when the folder is opened next';
    case 'foreign':
      return 'not ours';
  }
}

function contentsOf({
  snapshot,
  journals,
}: {
  readonly snapshot: string | undefined;
  readonly journals: number;
}): string {
  const parts = count(journals, 'journal');
  return snapshot === undefined ? parts : `${snapshot} and ${parts}`;
}

function showing(output: CliOutput, what: string): OnProgress {
  let shownAt = 0;
  return (done, total) => {
    const now = Date.now();
    if (now - shownAt < SHOW_MILLISECONDS) return;
    shownAt = now;
    output.progress(`${what}: ${percent(done / total)} of ${size(total)}`);
  };
}

/** `segmentd help check` and the others. */
export const dataHelpTexts: Readonly<Record<string, string>> = {
  check: `usage: segmentd check DIR [--erased ID]

Reads all of a data folder, also one that is in use, and says whether it is sound and what is in it. Nothing is changed. It
takes as much memory as a server with the data.

  --erased ID             Look for the id of a user who was erased in every file, byte by byte

Exits with 0 when the folder is sound, and has nothing of the id; 1 when not; 2 for wrong usage.`,
  backup: `usage: segmentd backup DIR FILE

Copies a data folder, also one that is in use, to one checksummed file, as it is when the backup begins. All of it is verified. A
backup of that name is replaced when the new one is whole.

Exits with 0 when it is done, 1 when it could not be, 2 for wrong usage.`,
  restore: `usage: segmentd restore FILE DIR

Makes a data folder of a backup. DIR must be empty, or not there yet. Nothing is written before all of FILE was verified, and nothing
is left when it cannot be done.

Exits with 0 when it is done, 1 when it could not be, 2 for wrong usage.`,
  snapshot: `usage: segmentd snapshot [options]

Has a running server write a snapshot of its data folder, which takes the place of its journals, and waits until it is done.

  --host HOST, --resp-port PORT, --password PASSWORD
                          The server [127.0.0.1, 7379, none]

Exits with 0 when it is written, 1 when it could not be, 2 for wrong usage.`,
};
